/**
 * Which window an instant belongs to.
 *
 * @module
 */

import type { Millis, WallMillis } from "../machine.ts";
import type { Calendar, CalendarLength, CalendarWindow } from "./calendar.ts";

/** How a limit cuts time. */
export type WindowShape =
  /** One after the other from the limit's creation. */
  | {
    readonly kind: "fixed";
    readonly text: string;
    readonly lengthMs: Millis;
    readonly anchorMs: WallMillis;
  }
  /** As a calendar in a zone counts. */
  | { readonly kind: "calendar"; readonly text: CalendarLength; readonly zone: string }
  /** The last `lengthMs` at every instant. */
  | { readonly kind: "rolling"; readonly text: string; readonly lengthMs: Millis };

/** A stretch of time in which a counter counts. */
export interface WindowSpan {
  /** The same on every node; holds no absolute time, except that rolling windows never end. */
  readonly id: string;
  readonly startMs: WallMillis;
  /** The first instant after it; `Infinity` for rolling windows. */
  readonly endMs: WallMillis;
}

/** Whole sub-windows a rolling window looks back; the current one comes on top. */
export const SUB_WINDOWS = 60;

/** Length of one sub-window of a rolling limit. All window lengths are whole multiples. */
export function subWindowMs(shape: WindowShape): Millis {
  return shape.kind === "rolling" ? shape.lengthMs / SUB_WINDOWS : Infinity;
}

/** Window ids of a shape begin with this; unlike those of any other shape. */
export function windowPrefix(shape: WindowShape): string {
  if (shape.kind === "rolling") return `${shape.text}/rolling`;
  return shape.kind === "fixed" ? `${shape.text}/+` : `${shape.text}/${shape.zone}/`;
}

/** Finds windows; asks the calendar once per window and shape, however many limits share it. */
export class Windows {
  readonly #calendar: Calendar;
  /** The newest window asked for, by length and zone. Bounded by the shapes that definitions use. */
  readonly #newest: Map<string, CalendarWindow> = new Map();

  /** `calendar` knows the zones. */
  constructor(calendar: Calendar) {
    this.#calendar = calendar;
  }

  /** The window that holds `wallMs`; `undefined` when the calendar can't say. */
  at(shape: WindowShape, wallMs: WallMillis): WindowSpan | undefined {
    const prefix = windowPrefix(shape);
    if (shape.kind === "rolling") return { id: prefix, startMs: -Infinity, endMs: Infinity };
    if (shape.kind === "fixed") {
      const index = Math.floor((wallMs - shape.anchorMs) / shape.lengthMs);
      const startMs = shape.anchorMs + index * shape.lengthMs;
      return { id: `${prefix}${index}`, startMs, endMs: startMs + shape.lengthMs };
    }
    let window = this.#newest.get(prefix);
    if (window === undefined || wallMs < window.startMs || wallMs >= window.endMs) {
      window = this.#calendar.window(shape.text, shape.zone, wallMs);
      if (window === undefined) return undefined;
      this.#newest.set(prefix, window);
    }
    return { id: prefix + window.label, startMs: window.startMs, endMs: window.endMs };
  }
}
