/**
 * Reads LZW as Go's `compress/lzw` does (memberlist.md 1.5).
 *
 * @module
 */

import { LZW_CLEAR, LZW_END, LZW_WIDTH_MAX, LZW_WIDTH_MIN } from "./lzw_encoder.ts";

/** Why a stream did not decode: it ends before the end code, names an unknown string, or grows beyond the limit. */
export type LzwFailure = "truncated" | "invalid" | "too-large";

/** First output allocation beyond which only real output makes the buffer grow. */
const FIRST_BYTES_MAX = 65_536;

/**
 * Expands LZW streams. Owns its tables, so that they are allocated once.
 *
 * A string is a place in the output: each new one is the previous string and the byte that came after it, and both
 * stand there already.
 */
export class LzwDecoder {
  readonly #starts: Int32Array = new Int32Array(1 << LZW_WIDTH_MAX);
  readonly #lengths: Uint16Array = new Uint16Array(1 << LZW_WIDTH_MAX);

  /** Expands `input` to at most `outputBytesMax` bytes; bytes behind the end code are ignored. */
  decode(input: Uint8Array, outputBytesMax: number): Uint8Array | LzwFailure {
    const starts = this.#starts;
    const lengths = this.#lengths;
    let out = new Uint8Array(Math.min(outputBytesMax, 4 * input.length, FIRST_BYTES_MAX));
    let size = 0;
    let width = LZW_WIDTH_MIN;
    let high = LZW_END;
    // The previous string, which the next entry extends; none after a clear.
    let lastStart = -1;
    let lastLength = 0;
    let bits = 0;
    let held = 0;
    let at = 0;
    for (;;) {
      for (; held < width; held += 8) {
        if (at === input.length) return "truncated";
        bits |= (input[at++] as number) << held;
      }
      const code = bits & ((1 << width) - 1);
      bits >>>= width;
      held -= width;
      if (code === LZW_CLEAR) {
        width = LZW_WIDTH_MIN;
        high = LZW_END;
        lastStart = -1;
        continue;
      }
      if (code === LZW_END) return out.subarray(0, size);
      // The entry made of the previous string may be the very one that is asked for.
      if (lastStart >= 0) {
        starts[high] = lastStart;
        lengths[high] = lastLength + 1;
      }
      if (code > high) return "invalid";
      const literal = code < LZW_CLEAR;
      const length = literal ? 1 : lengths[code] as number;
      if (size + length > out.length) {
        if (size + length > outputBytesMax) return "too-large";
        out = grown(out, size, size + length, outputBytesMax);
      }
      lastStart = size;
      lastLength = length;
      if (literal) {
        out[size++] = code;
      } else {
        const from = starts[code] as number;
        // Byte by byte and forwards: the string asked for may still be growing at its end.
        for (let i = 0; i < length; i++) out[size + i] = out[from + i] as number;
        size += length;
      }
      high += 1;
      if (high === 1 << width) {
        if (width < LZW_WIDTH_MAX) {
          width += 1;
        } else {
          high -= 1;
          lastStart = -1;
        }
      }
    }
  }
}

function grown(
  out: Uint8Array<ArrayBuffer>,
  size: number,
  needed: number,
  max: number,
): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(max, Math.max(needed, 2 * out.length)));
  larger.set(out.subarray(0, size));
  return larger;
}
