/**
 * The compress message (memberlist.md 1.5).
 *
 * @module
 */

import { readCompress } from "./decode_parts.ts";
import { LzwDecoder, type LzwFailure } from "./lzw_decoder.ts";
import { lzwBytesMax, LzwEncoder } from "./lzw_encoder.ts";
import { MessageType } from "./messages.ts";
import { MsgpackReader } from "./msgpack_reader.ts";

/** Type byte, map of two, `Algo`, 0, `Buf`: all that stands before the length of `Buf`. */
const HEAD: Uint8Array = Uint8Array.of(
  ...[MessageType.compress, 0x82],
  ...[0xa4, 0x41, 0x6c, 0x67, 0x6f, 0x00],
  ...[0xa3, 0x42, 0x75, 0x66],
);
/** Longest raw header. */
const RAW_HEADER_BYTES_MAX = 5;
const BODY_AT: number = HEAD.length + RAW_HEADER_BYTES_MAX;
/** Input this short cannot become smaller: even a run of one byte needs six codes for 20 bytes. */
const INCOMPRESSIBLE_BYTES_MAX = 22;
const SCRATCH_BYTES: number = BODY_AT + lzwBytesMax(65_536);

/** All three are idle between calls, which are synchronous. */
const encoder: LzwEncoder = new LzwEncoder();
const decoder: LzwDecoder = new LzwDecoder();
const reader: MsgpackReader = new MsgpackReader();
let scratch: Uint8Array | undefined;

/** Wraps a message in a compress message, be it smaller or not: the rule of streams. */
export function compressAlways(message: Uint8Array): Uint8Array {
  const room = BODY_AT + lzwBytesMax(message.length);
  return compressWithin(message, room) as Uint8Array;
}

/** Wraps a message in a compress message if that is strictly smaller, else `undefined`: the rule of packets. */
export function compressIfSmaller(message: Uint8Array): Uint8Array | undefined {
  if (message.length <= INCOMPRESSIBLE_BYTES_MAX) return undefined;
  // One byte of raw header is the least; the exact comparison follows.
  const body = message.length - HEAD.length - 2;
  const wrapped = compressWithin(message, BODY_AT + body);
  return wrapped !== undefined && wrapped.length < message.length ? wrapped : undefined;
}

function compressWithin(message: Uint8Array, limit: number): Uint8Array | undefined {
  const out = limit <= SCRATCH_BYTES
    ? scratch ??= new Uint8Array(SCRATCH_BYTES)
    : new Uint8Array(limit);
  const end = encoder.encode(message, out, BODY_AT, limit);
  if (end < 0) return undefined;
  const length = end - BODY_AT;
  const header = length < 32 ? 1 : length < 65_536 ? 3 : 5;
  const at = BODY_AT - header;
  out[at] = header === 1 ? 0xa0 | length : header === 3 ? 0xda : 0xdb;
  for (let i = 1; i < header; i++) out[at + i] = (length >>> (8 * (header - 1 - i))) & 255;
  const start = at - HEAD.length;
  out.set(HEAD, start);
  return out.slice(start, end);
}

/** Why a compress message did not open; `malformed` is about its map. */
export type CompressFailure = LzwFailure | "malformed" | "unknown-algorithm";

/** Unwraps the compress message whose body, without type byte, is `bytes[start, end)`. */
export function decompress(
  bytes: Uint8Array,
  start: number,
  end: number,
  outputBytesMax: number,
): Uint8Array | CompressFailure {
  reader.reset(bytes, start, end);
  const { algo, buf } = readCompress(reader);
  const failed = reader.failure !== undefined;
  reader.release();
  if (failed) return "malformed";
  return algo === 0 ? decoder.decode(buf, outputBytesMax) : "unknown-algorithm";
}
