/**
 * LZW as Go's `compress/lzw` writes it: least significant bit first, 8-bit literals (memberlist.md 1.5).
 *
 * @module
 */

/** Forgets the table and starts over at 9 bits. */
export const LZW_CLEAR = 256;
/** Ends the stream. */
export const LZW_END = 257;
/** Narrowest code. */
export const LZW_WIDTH_MIN = 9;
/** Widest code. */
export const LZW_WIDTH_MAX = 12;

const CODE_MAX = 4095;
/** Four slots per code keep the probe runs short. */
const SLOT_BITS = 14;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const GENERATION_MAX = 0x7ff;

/** An upper bound of what `bytes` of input compress to: a 12-bit code for each, clears and end. */
export function lzwBytesMax(bytes: number): number {
  return Math.ceil((bytes + Math.ceil(bytes / 3000) + 4) * 1.5);
}

/** Owns the string table, so that it is allocated once. Keeps nothing of the input between calls. */
export class LzwEncoder {
  /** Generation (11 bits), prefix code (12) and last byte (8) of the string in each slot. */
  readonly #keys: Int32Array = new Int32Array(1 << SLOT_BITS);
  readonly #codes: Uint16Array = new Uint16Array(1 << SLOT_BITS);
  /** Entries of other generations count as empty, so that a clear costs nothing. */
  #generation = 0;

  /**
   * Compresses `input` into `out` from `at` on. Answers the end, or -1 as soon as that would lie beyond `limit`;
   * `out` needs no room behind `limit`.
   */
  encode(input: Uint8Array, out: Uint8Array, at: number, limit: number): number {
    const keys = this.#keys;
    const codes = this.#codes;
    let generation = this.#nextGeneration();
    let width = LZW_WIDTH_MIN;
    let high = LZW_END;
    // Codes not yet written, and how many bits of them there are.
    let bits = LZW_CLEAR;
    let held = width;
    let code = input.length > 0 ? input[0] as number : 0;
    next: for (let i = 1; i <= input.length; i++) {
      const last = i === input.length;
      let slot = 0;
      let key = 0;
      if (!last) {
        const string = (code << 8) | (input[i] as number);
        key = (generation << 20) | string;
        slot = Math.imul(string, 0x9e3779b1) >>> (32 - SLOT_BITS);
        let entry = keys[slot] as number;
        while (entry >>> 20 === generation) {
          if (entry === key) {
            code = codes[slot] as number;
            continue next;
          }
          slot = (slot + 1) & SLOT_MASK;
          entry = keys[slot] as number;
        }
      }
      bits |= code << held;
      for (held += width; held >= 8; held -= 8) {
        out[at++] = bits & 255;
        bits >>>= 8;
      }
      if (at > limit) return -1;
      high += 1;
      if (high === 1 << width) width += 1;
      if (high === CODE_MAX) {
        bits |= LZW_CLEAR << held;
        held += width;
        width = LZW_WIDTH_MIN;
        high = LZW_END;
        generation = this.#nextGeneration();
      } else if (!last) {
        keys[slot] = key;
        codes[slot] = high;
      }
      if (!last) code = input[i] as number;
    }
    // At most 7 bits and a clear of 12 are held: the end code still fits 32 bits.
    bits |= LZW_END << held;
    for (held += width; held > 0; held -= 8) {
      out[at++] = bits & 255;
      bits >>>= 8;
    }
    return at > limit ? -1 : at;
  }

  #nextGeneration(): number {
    if (this.#generation === GENERATION_MAX) {
      this.#generation = 0;
      this.#keys.fill(0);
    }
    return ++this.#generation;
  }
}
