/**
 * Node's `Buffer` is a `Uint8Array` whose `slice` shares memory.
 *
 * @module
 */

/** The same memory as a plain `Uint8Array`, whose `slice` copies on every runtime. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
