/**
 * Lengths of windows as configuration writes them: `30m`, `1h`, `1d`, `1M`.
 *
 * @module
 */

import type { Millis } from "../machine.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Lengths of units that no calendar aligns; the file formats that gateways use count the same way. */
const UNITS: ReadonlyMap<string, Millis> = new Map([
  ["m", MINUTE],
  ["h", HOUR],
  ["d", DAY],
  ["w", 7 * DAY],
  ["M", 30 * DAY],
  ["Y", 365 * DAY],
]);

/** Longest window: ten years. */
const LENGTH_MS_MAX = 10 * 365 * DAY;

/**
 * Milliseconds of a window's length: a whole number without leading zero and a unit of `m`, `h`, `d`, `w`, `M` (30 days)
 * or `Y` (365 days), at most ten years; `undefined` for anything else.
 */
export function parseWindowLength(text: string): Millis | undefined {
  const match = /^([1-9]\d{0,6})([mhdwMY])$/.exec(text);
  if (match === null) return undefined;
  const lengthMs = Number(match[1]) * (UNITS.get(match[2] as string) as Millis);
  return lengthMs <= LENGTH_MS_MAX ? lengthMs : undefined;
}
