/**
 * Stamps of a hybrid logical clock (Kulkarni et al. 2014), without its message-passing half: receiving a stamp never
 * moves our clock, so that one fast clock can't drag the others along (`docs/protocol.md`, versions).
 *
 * @module
 */

import type { Millis, WallMillis } from "./machine.ts";

/** Which write this is, and which of two writes wins. */
export interface Version {
  /** Milliseconds since the Unix epoch, a whole number of at most 48 bits. */
  readonly wallMs: WallMillis;
  /** Counts writes within one millisecond, 16 bits. */
  readonly logic: number;
  /** Node id of the writer. */
  readonly origin: string;
  /** Boot id of the writer. */
  readonly boot: string;
}

/** Largest `wallMs`: 48 bits. */
export const WALL_MS_MAX = 0xffff_ffff_ffff;

/** Largest `logic`: 16 bits. */
export const LOGIC_MAX = 0xffff;

/**
 * Total order: by time, then logic, then origin, then boot (UTF-16 code units). Negative when `a` is older, 0 when both
 * are the same write.
 */
export function compareVersions(a: Version, b: Version): number {
  if (a.wallMs !== b.wallMs) return a.wallMs - b.wallMs;
  if (a.logic !== b.logic) return a.logic - b.logic;
  if (a.origin !== b.origin) return a.origin < b.origin ? -1 : 1;
  if (a.boot !== b.boot) return a.boot < b.boot ? -1 : 1;
  return 0;
}

/** The clock part of a stamp. */
export interface Stamp {
  readonly wallMs: WallMillis;
  readonly logic: number;
}

/**
 * The stamp of a write made at `wallMs`: now, or one logical step above what it replaces when that is not in the past.
 * A full logical part carries into the milliseconds.
 */
export function nextStamp(wallMs: WallMillis, replaced: Stamp | undefined): Stamp {
  const now = Math.min(Math.max(0, Math.floor(wallMs)), WALL_MS_MAX);
  if (replaced === undefined || replaced.wallMs < now) return { wallMs: now, logic: 0 };
  if (replaced.logic < LOGIC_MAX) return { wallMs: replaced.wallMs, logic: replaced.logic + 1 };
  return { wallMs: replaced.wallMs + 1, logic: 0 };
}

/** The later of two stamps. */
export function laterStamp(a: Stamp, b: Stamp): Stamp {
  return a.wallMs > b.wallMs || (a.wallMs === b.wallMs && a.logic >= b.logic) ? a : b;
}

/** Whether a stamp lies further in the future than the bound tolerates. */
export function isTooFarAhead(stamp: Stamp, wallMs: WallMillis, skewMaxMs: Millis): boolean {
  return stamp.wallMs > wallMs + skewMaxMs;
}
