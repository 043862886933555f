/**
 * Copies of byte fields.
 *
 * @module
 */

/** Shared by all empty byte fields. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Up to here a loop is faster than a view and `set`. */
const LOOP_BYTES_MAX = 32;

/** The `length` bytes from `start` on, in memory of their own. */
export function copyBytes(bytes: Uint8Array, start: number, length: number): Uint8Array {
  if (length === 0) return NO_BYTES;
  const out = new Uint8Array(length);
  if (length > LOOP_BYTES_MAX) out.set(bytes.subarray(start, start + length));
  else for (let i = 0; i < length; i++) out[i] = bytes[start + i] as number;
  return out;
}
