/**
 * Limits as the `leased` strength names them: keys and windows.
 *
 * @module
 */

import type { WallMillis } from "../../machine.ts";
import { windowKeyPrefix } from "../cell_key.ts";
import type { ResolvedLimit } from "../definition.ts";
import {
  SUB_WINDOWS,
  subWindowMs,
  windowPrefix,
  type Windows,
  type WindowShape,
} from "../windows.ts";
import type { LeaseWindow } from "./contract.ts";

/** Names a limit's ledger: whatever makes it count anew is part of it. */
export function leasedKey({ id, created, shape }: ResolvedLimit): string {
  return windowKeyPrefix(id, created, windowPrefix(shape));
}

/** How many lease windows count together: those a rolling window looks back on and the present one, or one. */
export function leasedSpan(shape: WindowShape): number {
  return shape.kind === "rolling" ? SUB_WINDOWS + 1 : 1;
}

/** The lease window that holds `wallMs`; of rolling limits a sub-window. `undefined` when the calendar can't say. */
export function leaseWindowAt(
  windows: Windows,
  shape: WindowShape,
  wallMs: WallMillis,
): LeaseWindow | undefined {
  if (shape.kind === "rolling") {
    const lengthMs = subWindowMs(shape);
    const order = Math.floor(wallMs / lengthMs);
    return { order, startMs: order * lengthMs, endMs: (order + 1) * lengthMs };
  }
  const span = windows.at(shape, wallMs);
  if (span === undefined) return undefined;
  const label = span.id.slice(windowPrefix(shape).length);
  const order = shape.kind === "fixed" ? Number(label) : orderOf(label);
  return { order, startMs: span.startMs, endMs: span.endMs };
}

/** A whole number that grows from label to label: `2026`, `2026-03`, `2026-03-29`. */
function orderOf(label: string): number {
  const [year = 0, month = 0, day = 0] = label.split("-").map(Number);
  return (year * 13 + month) * 32 + day;
}
