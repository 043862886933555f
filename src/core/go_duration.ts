/**
 * Durations as Go writes them: `"500ms"`, `"1m30s"`, `"1.5h"`.
 *
 * @module
 */

import type { Millis } from "./machine.ts";

/** Nanoseconds per unit; the micro sign and the Greek mu are both in use. */
const NANOSECONDS: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["\u00b5s", 1_000n],
  ["\u03bcs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);

/** Longer text is no duration: it bounds the arithmetic below. */
const TEXT_LENGTH_MAX = 64;

/** Go counts nanoseconds in 64 bits with a sign. */
const NANOSECONDS_MAX = (1n << 63n) - 1n;

/**
 * Reads what Go's `time.ParseDuration` reads, exactly to the nanosecond (what is below is cut off); `undefined` for
 * anything else, above all for a bare number without unit other than `"0"`, and for more than about 292 years.
 */
export function parseGoDuration(text: string): Millis | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  const negative = text.startsWith("-");
  const body = negative || text.startsWith("+") ? text.slice(1) : text;
  if (body === "0") return 0;
  if (body === "") return undefined;
  const part = /(\d*)(?:\.(\d*))?([a-z\u00b5\u03bc]+)/y;
  let total = 0n;
  while (part.lastIndex < body.length) {
    const match = part.exec(body);
    if (match === null) return undefined;
    const whole = match[1] ?? "";
    const fraction = match[2] ?? "";
    const unit = NANOSECONDS.get(match[3] ?? "");
    if (unit === undefined || (whole === "" && fraction === "")) return undefined;
    total += BigInt(whole === "" ? "0" : whole) * unit;
    if (fraction !== "") total += BigInt(fraction) * unit / 10n ** BigInt(fraction.length);
  }
  if (total > NANOSECONDS_MAX) return undefined;
  const millis = Number(total) / 1e6;
  return negative ? 0 - millis : millis;
}
