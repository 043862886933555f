/**
 * Writes the msgpack profile of memberlist (memberlist.md 1.9).
 *
 * @module
 */

import type { StructShape } from "./shapes.ts";
import { loneSurrogate, utf8Length, writeUtf8 } from "./utf8.ts";

/**
 * Small results are views into blocks of this size: V8 needs 0.7 us for an array of its own above 64 bytes, and
 * 0.05 us for a view. Small enough that a message kept for long does not hold much else in memory.
 */
const BLOCK_BYTES = 2048;
/** With less room than this a new block is begun, so that a message seldom moves while it grows. */
const BLOCK_ROOM_BYTES = 256;

/** Builds one byte string after the other. */
export class MsgpackWriter {
  #buffer: Uint8Array = new Uint8Array(BLOCK_BYTES);
  #start = 0;
  #at = 0;

  /** Forgets what was written and not taken. */
  reset(): void {
    this.#at = this.#start;
  }

  /** What was written since the last `reset` or `take`; never written to again. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(this.#start, this.#at);
    this.#start = this.#at;
    const large = this.#buffer.length > BLOCK_BYTES;
    if (large || this.#buffer.length - this.#at < BLOCK_ROOM_BYTES) {
      this.#buffer = new Uint8Array(BLOCK_BYTES);
      this.#start = 0;
      this.#at = 0;
      // A large buffer has grown by doubling: what is kept should not hold the unused half.
      if (large) return taken.slice();
    }
    return taken;
  }

  /** One byte as it is: a message type. */
  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = value;
  }

  /** Bytes as they are, without header. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Opens a struct of fewer than 16 fields. */
  struct(fields: number): void {
    this.byte(0x80 | fields);
  }

  /** Names the field `index` of `shape`; its value must follow. */
  key(shape: StructShape, index: number): void {
    const key = shape.keys[index] as Uint8Array;
    this.#reserve(key.length);
    const buffer = this.#buffer;
    let at = this.#at;
    // A loop beats `set` below some twenty bytes.
    for (let i = 0; i < key.length; i++) buffer[at++] = key[i] as number;
    this.#at = at;
  }

  /** Text in the raw family; throws `TypeError` for half a surrogate pair. */
  text(value: string): void {
    const length = utf8Length(value);
    if (length < 0) throw loneSurrogate(value);
    this.#rawHeader(length);
    this.#reserve(length);
    this.#at = writeUtf8(value, this.#buffer, this.#at);
  }

  /** Bytes in the raw family; `null` is nil. */
  bytes(value: Uint8Array | null): void {
    if (value === null) return this.byte(0xc0);
    this.#rawHeader(value.length);
    this.#reserve(value.length);
    if (value.length > 32) {
      this.#buffer.set(value, this.#at);
      this.#at += value.length;
      return;
    }
    for (let i = 0; i < value.length; i++) this.#buffer[this.#at++] = value[i] as number;
  }

  /** A truth value. */
  bool(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  /** A Go unsigned field, 0..2^32-1: the shortest unsigned form. */
  unsigned(value: number): void {
    if (value < 0x80) return this.byte(value);
    if (value < 0x100) return this.#number(0xcc, value, 1);
    if (value < 0x10000) return this.#number(0xcd, value, 2);
    this.#number(0xce, value, 4);
  }

  /** A Go `int` field, 0..2^31-1: the shortest signed form, as go-msgpack v2 has it. */
  int(value: number): void {
    if (value < 0x80) return this.byte(value);
    if (value < 0x8000) return this.#number(0xd1, value, 2);
    this.#number(0xd2, value, 4);
  }

  #rawHeader(length: number): void {
    if (length < 32) this.byte(0xa0 | length);
    else if (length < 0x10000) this.#number(0xda, length, 2);
    else this.#number(0xdb, length, 4);
  }

  #number(tag: number, value: number, width: 1 | 2 | 4): void {
    this.#reserve(5);
    this.#buffer[this.#at++] = tag;
    for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) {
      this.#buffer[this.#at++] = (value >>> shift) & 255;
    }
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const written = this.#buffer.subarray(this.#start, this.#at);
    const needed = written.length + bytes;
    const length = needed <= BLOCK_BYTES ? BLOCK_BYTES : Math.max(needed, 2 * written.length);
    this.#buffer = new Uint8Array(length);
    this.#buffer.set(written);
    this.#start = 0;
    this.#at = written.length;
  }
}
