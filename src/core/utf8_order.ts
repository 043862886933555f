/**
 * The order of texts by their UTF-8 bytes, which all languages agree on.
 *
 * @module
 */

/** Negative, zero or positive as `a` sorts before, with or after `b` by UTF-8 bytes (equals order by code point). */
export function compareUtf8(a: string, b: string): number {
  const length = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for code points above all others of the basic plane.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    return xHigh === yHigh ? x - y : xHigh ? 1 : -1;
  }
  return a.length - b.length;
}
