/**
 * Reads protobuf's wire format without throwing: the first fault sets a flag and every later read answers nothing.
 *
 * @module
 */

import { decodeUtf8 } from "../core/wire/utf8.ts";
import type { RepeatedText } from "./repeated_text.ts";

/** Groups within groups end here. */
const DEPTH_MAX = 32;

/** A cursor over encoded fields. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #end: number;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Bytes read so far. */
  get at(): number {
    return this.#at;
  }

  /** Nothing is left of the present message. */
  get atEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** The bytes are not what they should be. */
  get failed(): boolean {
    return this.#failed;
  }

  /** An unsigned integer; bits above 53 are lost. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.#at >= this.#end) break;
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    return this.#fail();
  }

  /** A 64-bit float. */
  double(): number {
    const at = this.#at;
    if (!this.#forward(8)) return 0;
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, 8).getFloat64(0, true);
  }

  /** A length-delimited field as a view. */
  view(): Uint8Array {
    const length = this.varint();
    const at = this.#at;
    if (this.#failed || !this.#forward(length)) return new Uint8Array(0);
    return this.#bytes.subarray(at, at + length);
  }

  /** A length-delimited field as text; `last` saves decoding what is mostly the same. */
  text(last?: RepeatedText): string {
    const length = this.varint();
    const from = this.#at;
    if (this.#failed || !this.#forward(length)) return "";
    const text = last === undefined
      ? decodeUtf8(this.#bytes, from, this.#at)
      : last.read(this.#bytes, from, this.#at);
    if (text === undefined) this.#fail();
    return text ?? "";
  }

  /** Steps into a length-delimited message; answers what `leave` needs. */
  enter(): number {
    const outerEnd = this.#end;
    const length = this.varint();
    if (this.#failed || length > this.#end - this.#at) this.#fail();
    else this.#end = this.#at + length;
    return outerEnd;
  }

  /** Steps out again. */
  leave(outerEnd: number): void {
    this.#end = outerEnd;
  }

  /** Steps over the value of a field that is of no interest. */
  skip(tag: number, depth = 0): void {
    const wire = tag % 8;
    if (tag < 8 || tag > 0xffff_ffff) this.#fail();
    else if (wire === 0) this.varint();
    else if (wire === 1) this.#forward(8);
    else if (wire === 2) this.#forward(this.varint());
    else if (wire === 5) this.#forward(4);
    else if (wire === 3 && depth < DEPTH_MAX) this.#skipGroup(tag, depth);
    else this.#fail();
  }

  #skipGroup(tag: number, depth: number): void {
    while (!this.atEnd && !this.#failed) {
      const inner = this.varint();
      if (inner === tag + 1) return;
      this.skip(inner, depth + 1);
    }
    this.#fail();
  }

  #forward(length: number): boolean {
    if (length > this.#end - this.#at) {
      this.#fail();
      return false;
    }
    this.#at += length;
    return true;
  }

  #fail(): 0 {
    this.#failed = true;
    this.#at = this.#end;
    return 0;
  }
}
