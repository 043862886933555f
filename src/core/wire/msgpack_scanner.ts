/**
 * Finds the end of a msgpack value without decoding it, and can stop in the middle.
 *
 * @module
 */

import { MSGPACK_DEPTH_MAX } from "./limits.ts";

/** {@linkcode MsgpackScanner.scan}: the value goes on behind the bytes at hand. */
export const SCAN_MORE = -1;
/** {@linkcode MsgpackScanner.scan}: a byte that starts no msgpack value. */
export const SCAN_INVALID = -2;
/** {@linkcode MsgpackScanner.scan}: nested deeper than `MSGPACK_DEPTH_MAX`. */
export const SCAN_TOO_DEEP = -3;

/** Header bytes per tag from 0xc0 on, tag included; 0 for the one tag that means nothing. */
const HEADER_BYTES = [
  ...[1, 0, 1, 1, 2, 3, 5, 3, 4, 6, 5, 9, 2, 3, 5, 9], // c0: nil, -, false, true, bin, ext, floats, uints
  ...[2, 3, 5, 9, 3, 4, 6, 10, 18, 2, 3, 5, 3, 5, 3, 5], // d0: ints, fixexts, raws, arrays, maps
];

/**
 * Walks over one value at a time, byte by byte of structure, body by body of content. Each byte is looked at once,
 * however often {@linkcode MsgpackScanner.scan} is called, so a value that trickles in costs linear time.
 */
export class MsgpackScanner {
  #scanned = 0;
  #depth = 0;
  /** Per open container, how many values are still to come. */
  readonly #left: number[] = [];
  #complete = false;

  /** Begins a new value. */
  reset(): void {
    this.#scanned = 0;
    this.#depth = 0;
    this.#complete = false;
  }

  /** How long the value is at least, in bytes, by what has been seen of it: grows ahead of the bytes themselves. */
  get bytesSeen(): number {
    return this.#scanned;
  }

  /**
   * Goes on with the value that begins at `start`. Answers its length, or one of the `SCAN_` constants. Between
   * two calls the bytes may move, as long as `start` moves with them.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    for (;;) {
      const at = start + this.#scanned;
      if (this.#complete) return at <= end ? this.#scanned : SCAN_MORE;
      if (at >= end) return SCAN_MORE;
      const tag = bytes[at] as number;
      const header = tag < 0xc0 || tag >= 0xe0 ? 1 : HEADER_BYTES[tag - 0xc0] as number;
      if (header === 0) return SCAN_INVALID;
      if (at + header > end) return SCAN_MORE;
      const values = innerValues(bytes, at, tag);
      if (values > 0) {
        if (this.#depth === MSGPACK_DEPTH_MAX) return SCAN_TOO_DEEP;
        this.#left[this.#depth++] = values;
        this.#scanned += header;
        continue;
      }
      this.#scanned += header + bodyBytes(bytes, at, tag);
      this.#close();
    }
  }

  /** A value without parts is over: so may be the containers around it. */
  #close(): void {
    while (this.#depth > 0) {
      const left = (this.#left[this.#depth - 1] as number) - 1;
      this.#left[this.#depth - 1] = left;
      if (left > 0) return;
      this.#depth -= 1;
    }
    this.#complete = true;
  }
}

/** How many values the container at `at` holds; 0 for an empty one and for everything else. */
function innerValues(bytes: Uint8Array, at: number, tag: number): number {
  if (tag >= 0x80 && tag <= 0x8f) return 2 * (tag & 15);
  if (tag >= 0x90 && tag <= 0x9f) return tag & 15;
  if (tag === 0xdc) return u16(bytes, at + 1);
  if (tag === 0xdd) return u32(bytes, at + 1);
  if (tag === 0xde) return 2 * u16(bytes, at + 1);
  if (tag === 0xdf) return 2 * u32(bytes, at + 1);
  return 0;
}

/** How many content bytes follow the header at `at` that fixed header sizes do not cover. */
function bodyBytes(bytes: Uint8Array, at: number, tag: number): number {
  if (tag >= 0xa0 && tag <= 0xbf) return tag & 31;
  switch (tag) {
    case 0xc4:
    case 0xc7:
    case 0xd9:
      return bytes[at + 1] as number;
    case 0xc5:
    case 0xc8:
    case 0xda:
      return u16(bytes, at + 1);
    case 0xc6:
    case 0xc9:
    case 0xdb:
      return u32(bytes, at + 1);
    default:
      return 0;
  }
}

/** Reads two bytes, big-endian. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Reads four bytes, big-endian, unsigned. */
export function u32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}
