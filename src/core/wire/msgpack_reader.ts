/**
 * Reads the msgpack profile of memberlist (memberlist.md 1.9) from bytes that are all there.
 *
 * @module
 */

import { copyBytes, NO_BYTES } from "./copy_bytes.ts";
import { MsgpackScanner, SCAN_MORE, SCAN_TOO_DEEP, u16, u32 } from "./msgpack_scanner.ts";
import type { StructShape } from "./shapes.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Why a struct did not decode. */
export type MsgpackFailure =
  /** The bytes ended inside a value. */
  | "truncated"
  /** A value of a kind the field cannot hold. */
  | "wrong-type"
  /** A map key that is nil. */
  | "bad-key"
  /** An integer above the field's range. */
  | "overflow"
  /** An integer below the field's range. */
  | "negative-into-unsigned"
  /** Text that is not UTF-8 (Go takes it; memberlist.md 9 lets us refuse). */
  | "bad-text"
  /** An unknown value nested deeper than `MSGPACK_DEPTH_MAX`. */
  | "too-deep";

const NIL = 0xc0;
/** {@linkcode MsgpackReader} internals: the value is nil, or not of the raw family. */
const IS_NIL = -1;
const NOT_RAW = -2;

/**
 * A cursor over one struct. The first failure sticks: from then on every read answers a zero value, so callers read
 * all they want and look at {@linkcode MsgpackReader.failure} once, at the end. Nothing throws.
 */
export class MsgpackReader {
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;
  #asArray = false;
  #failure: MsgpackFailure | undefined;
  #scanner: MsgpackScanner | undefined;

  /** Begins at `start`; nothing from `end` on is read. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#failure = undefined;
  }

  /** Lets go of the bytes. */
  release(): void {
    this.reset(NO_BYTES, 0, 0);
  }

  /** The first thing that went wrong. */
  get failure(): MsgpackFailure | undefined {
    return this.#failure;
  }

  /** Where the next read begins. */
  get at(): number {
    return this.#at;
  }

  /** Opens a struct, which is a map, an array in declaration order or nil, and answers its entries. */
  struct(): number {
    this.#asArray = false;
    if (this.#at >= this.#end) return this.#fail("truncated");
    const tag = this.#bytes[this.#at] as number;
    if (tag >= 0x80 && tag <= 0x8f) {
      this.#at += 1;
      return tag & 15;
    }
    if (tag === NIL) {
      this.#at += 1;
      return 0;
    }
    if (tag === 0xde || tag === 0xdf) return this.#count(tag === 0xdf);
    if (!isArray(tag)) return this.#fail("wrong-type");
    this.#asArray = true;
    return this.#array(tag);
  }

  /** The index of the field that entry number `entry` is about, or -1 for one to {@linkcode MsgpackReader.skip}. */
  field(shape: StructShape, entry: number): number {
    if (this.#asArray) return shape.declared[entry] ?? -1;
    const bytes = this.#bytes;
    const length = this.#raw();
    if (length < 0) {
      if (this.#failure === undefined) this.#fail(length === IS_NIL ? "bad-key" : "wrong-type");
      return -1;
    }
    const start = this.#at;
    this.#at = start + length;
    const keys = shape.keys;
    // Senders write the keys in wire order, so the entry's own number is nearly always the answer.
    for (let tried = 0, k = entry < keys.length ? entry : 0; tried < keys.length; tried++) {
      const key = keys[k] as Uint8Array;
      if (key.length === length + 1) {
        let same = 0;
        while (same < length && bytes[start + same] === key[same + 1]) same++;
        if (same === length) return k;
      }
      k = k + 1 === keys.length ? 0 : k + 1;
    }
    return -1;
  }

  /** Passes over a value of any kind. */
  skip(): void {
    if (this.#failure !== undefined) return;
    const scanner = this.#scanner ??= new MsgpackScanner();
    scanner.reset();
    const length = scanner.scan(this.#bytes, this.#at, this.#end);
    if (length >= 0) this.#at += length;
    else if (length === SCAN_MORE) this.#fail("truncated");
    else this.#fail(length === SCAN_TOO_DEEP ? "too-deep" : "wrong-type");
  }

  /** Text; nil is empty. */
  text(): string {
    const length = this.#raw();
    if (length <= 0) {
      if (length === NOT_RAW) this.#fail("wrong-type");
      return "";
    }
    const start = this.#at;
    this.#at = start + length;
    const text = decodeUtf8(this.#bytes, start, this.#at);
    if (text !== undefined) return text;
    this.#fail("bad-text");
    return "";
  }

  /** Bytes, as a copy; nil is `null`. Arrays and maps of small integers count as bytes, as in Go. */
  bytes(): Uint8Array | null {
    const length = this.#raw();
    if (length < 0) return length === IS_NIL ? null : this.#bytesOfList();
    const start = this.#at;
    this.#at = start + length;
    return copyBytes(this.#bytes, start, length);
  }

  /** Like {@linkcode MsgpackReader.bytes}, without the copy where that can be. */
  view(): Uint8Array | null {
    const length = this.#raw();
    if (length < 0) return length === IS_NIL ? null : this.#bytesOfList();
    const start = this.#at;
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** An integer of `0..max`; nil is 0. */
  unsigned(max: number): number {
    const value = this.int();
    if (value < 0) {
      this.#fail("negative-into-unsigned");
      return 0;
    }
    if (value > max) {
      this.#fail("overflow");
      return 0;
    }
    return value;
  }

  /** An integer between -2^53 and 2^53, in any width; nil is 0. */
  int(): number {
    const at = this.#at;
    if (at >= this.#end) return this.#fail("truncated");
    const bytes = this.#bytes;
    const tag = bytes[at] as number;
    this.#at = at + 1;
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 256;
    if (tag === NIL) return 0;
    const unsigned = tag >= 0xcc && tag <= 0xcf;
    if (!unsigned && (tag < 0xd0 || tag > 0xd3)) return this.#fail("wrong-type");
    const width = 1 << (tag & 3);
    if (at + 1 + width > this.#end) return this.#fail("truncated");
    this.#at = at + 1 + width;
    switch (width) {
      case 1:
        return unsigned ? bytes[at + 1] as number : ((bytes[at + 1] as number) << 24) >> 24;
      case 2:
        return unsigned ? u16(bytes, at + 1) : (u16(bytes, at + 1) << 16) >> 16;
      case 4:
        return unsigned ? u32(bytes, at + 1) : u32(bytes, at + 1) | 0;
      default: {
        const high = unsigned ? u32(bytes, at + 1) : u32(bytes, at + 1) | 0;
        const value = high * 4294967296 + u32(bytes, at + 5);
        return Number.isSafeInteger(value) ? value : this.#fail("overflow");
      }
    }
  }

  /** A truth value; 0, 1 and nil are taken, as in Go. */
  bool(): boolean {
    if (this.#at >= this.#end) {
      this.#fail("truncated");
      return false;
    }
    const tag = this.#bytes[this.#at++] as number;
    if (tag === 0xc3 || tag === 1) return true;
    if (tag !== 0xc2 && tag !== 0 && tag !== NIL) this.#fail("wrong-type");
    return false;
  }

  /** Enters a value of the raw, str or bin family: its length (all of it is there), `IS_NIL` or `NOT_RAW`. */
  #raw(): number {
    const at = this.#at;
    if (at >= this.#end) {
      this.#fail("truncated");
      return IS_NIL;
    }
    const tag = this.#bytes[at] as number;
    let header = 1;
    let length = 0;
    if (tag >= 0xa0 && tag <= 0xbf) {
      length = tag & 31;
    } else if (tag === NIL) {
      this.#at = at + 1;
      return IS_NIL;
    } else {
      const width = rawLengthBytes(tag);
      if (width === 0) return NOT_RAW;
      header += width;
      if (at + header <= this.#end) {
        if (width === 1) length = this.#bytes[at + 1] as number;
        else length = width === 2 ? u16(this.#bytes, at + 1) : u32(this.#bytes, at + 1);
      }
    }
    if (at + header + length > this.#end) {
      this.#fail("truncated");
      return IS_NIL;
    }
    this.#at = at + header;
    return length;
  }

  #bytesOfList(): Uint8Array | null {
    if (this.#failure !== undefined) return null;
    const tag = this.#bytes[this.#at] as number;
    let length = 0;
    if (isArray(tag)) {
      length = this.#array(tag);
    } else if (tag >= 0x80 && tag <= 0x8f) {
      this.#at += 1;
      length = 2 * (tag & 15);
    } else if (tag === 0xde || tag === 0xdf) {
      length = 2 * this.#count(tag === 0xdf);
    } else {
      this.#fail("wrong-type");
    }
    // Every element takes a byte at least: a larger count is a lie, and nothing is allocated for it.
    if (length > this.#end - this.#at) this.#fail("truncated");
    if (this.#failure !== undefined) return null;
    const out = new Uint8Array(length);
    for (let i = 0; i < length && this.#failure === undefined; i++) out[i] = this.unsigned(255);
    return out;
  }

  /** Enters an array whose tag was looked at. */
  #array(tag: number): number {
    if (tag >= 0xdc) return this.#count(tag === 0xdd);
    this.#at += 1;
    return tag & 15;
  }

  /** Reads the count behind the tag of a long array or map. */
  #count(wide: boolean): number {
    const at = this.#at + 1;
    const next = at + (wide ? 4 : 2);
    if (next > this.#end) return this.#fail("truncated");
    this.#at = next;
    return wide ? u32(this.#bytes, at) : u16(this.#bytes, at);
  }

  /** Answers 0, so that integer reads can return it. */
  #fail(failure: MsgpackFailure): 0 {
    this.#failure ??= failure;
    this.#at = this.#end;
    return 0;
  }
}

function isArray(tag: number): boolean {
  return (tag >= 0x90 && tag <= 0x9f) || tag === 0xdc || tag === 0xdd;
}

/** How many length bytes follow the tag of a long raw, str or bin; 0 for other tags. */
function rawLengthBytes(tag: number): number {
  if (tag === 0xda || tag === 0xc5) return 2;
  if (tag === 0xdb || tag === 0xc6) return 4;
  return tag === 0xd9 || tag === 0xc4 ? 1 : 0;
}
