/**
 * The one logarithm of the core.
 *
 * `Math.log` and friends may differ in the last bits between engines, and a simulated cluster must replay bit for
 * bit. These use only the operations IEEE 754 rounds exactly: `+ - * /`.
 *
 * @module
 */

/** ln 2 in two parts, so that `exponent * ln2` loses nothing: the high part has trailing zero bits to spare. */
const LN2_HIGH = 0.693147180369123816490;
const LN2_LOW = 1.90821492927058770002e-10;
const LN10 = 2.302585092994045684018;
const SQRT2 = 1.41421356237309504880;

/** 1/3, 1/5, ... 1/25: the coefficients of the series of `2 artanh`, from the smallest up. */
const SERIES: readonly number[] = [25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3].map((n) => 1 / n);

/**
 * The natural logarithm of `x`; the relative error is below 1e-14 for `x` in 2..1e15.
 *
 * Throws `RangeError` unless `x` is positive and finite.
 */
export function ln(x: number): number {
  if (!(x > 0 && x < Infinity)) {
    throw new RangeError(`Cannot take the logarithm: "${x}" is not a positive finite number`);
  }
  let mantissa = x;
  let exponent = 0;
  while (mantissa >= 65536) {
    mantissa /= 65536;
    exponent += 16;
  }
  while (mantissa < 1 / 65536) {
    mantissa *= 65536;
    exponent -= 16;
  }
  while (mantissa > SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  while (mantissa < SQRT2 / 2) {
    mantissa *= 2;
    exponent -= 1;
  }
  // ln m = 2 artanh((m - 1) / (m + 1)); the quotient is at most 0.172, so thirteen terms are exact to double.
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (const coefficient of SERIES) sum = (sum + coefficient) * square;
  return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * s * (1 + sum));
}

/** The decimal logarithm of `x`, exact for the powers of ten from 1 to 1e22. Throws like {@linkcode ln}. */
export function log10(x: number): number {
  const approximate = ln(x) / LN10;
  const whole = Math.round(approximate);
  return whole >= 0 && whole <= 22 && powerOfTen(whole) === x ? whole : approximate;
}

/** The least integer `k >= 0` with `10^k >= x`; throws `RangeError` unless `1 <= x <= 2^53`. */
export function ceilLog10(x: number): number {
  requireCountable(x);
  let k = 0;
  for (let power = 1; power < x; power *= 10) k += 1;
  return k;
}

/** The least integer `k >= 0` with `2^k >= x`; throws `RangeError` unless `1 <= x <= 2^53`. */
export function ceilLog2(x: number): number {
  requireCountable(x);
  let k = 0;
  for (let power = 1; power < x; power *= 2) k += 1;
  return k;
}

function powerOfTen(exponent: number): number {
  let power = 1;
  for (let i = 0; i < exponent; i++) power *= 10;
  return power;
}

function requireCountable(x: number): void {
  if (!(x >= 1 && x <= 9007199254740992)) {
    throw new RangeError(`Cannot take the rounded logarithm: "${x}" is not in 1..2^53`);
  }
}
