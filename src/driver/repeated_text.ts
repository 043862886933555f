/** @module */

import { decodeUtf8 } from "../core/wire/utf8.ts";

/** Decodes a text that is mostly the one before it: then the same string again, not another one like it. */
export class RepeatedText {
  #bytes: Uint8Array = new Uint8Array(0);
  #text = "";

  /** Reads `bytes[start, end)`; `undefined` when that is not well-formed UTF-8. */
  read(bytes: Uint8Array, start: number, end: number): string | undefined {
    if (this.#isLast(bytes, start, end)) return this.#text;
    const text = decodeUtf8(bytes, start, end);
    if (text === undefined) return undefined;
    this.#bytes = bytes.slice(start, end);
    this.#text = text;
    return text;
  }

  #isLast(bytes: Uint8Array, start: number, end: number): boolean {
    const last = this.#bytes;
    if (last.length !== end - start) return false;
    for (let i = 0; i < last.length; i++) if (last[i] !== bytes[start + i]) return false;
    return true;
  }
}
