/**
 * Amounts are whole micro-units inside, so that sums are exact and the same on every machine.
 *
 * @module
 */

/** Micro-units in one unit, whatever the unit is: a request, a token, a cent. */
export const MICROS_PER_UNIT = 1_000_000;

/** Largest limit in units: sums of a limit and what may come on top of it stay exact integers. */
export const LIMIT_UNITS_MAX = 4_000_000_000;

/** Largest number a cell can hold; what would go beyond stays here. */
export const MICROS_MAX: number = Number.MAX_SAFE_INTEGER;

/** Micro-units of an amount in units, to the nearest; `undefined` unless it is a number from 0 to {@linkcode LIMIT_UNITS_MAX}. */
export function toMicros(units: number): number | undefined {
  if (!(units >= 0 && units <= LIMIT_UNITS_MAX)) return undefined;
  return Math.round(units * MICROS_PER_UNIT);
}

/** Units of an amount in micro-units. */
export function toUnits(micros: number): number {
  return micros / MICROS_PER_UNIT;
}
