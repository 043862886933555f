/**
 * The compound message: several messages in one packet (memberlist.md 1.6).
 *
 * @module
 */

import type { Blocks } from "./blocks.ts";
import { COMPOUND_PART_BYTES_MAX, COMPOUND_PARTS_MAX } from "./limits.ts";
import { MessageType } from "./messages.ts";
import { u16 } from "./msgpack_scanner.ts";

/** Bytes of a compound message besides its parts. */
export function compoundOverhead(parts: number): number {
  return 2 + 2 * parts;
}

/**
 * Joins encoded messages. Throws `RangeError` for none, for more than 255, and for one above 65,535 bytes: Go
 * corrupts the packet there.
 */
export function encodeCompound(parts: readonly Uint8Array[], blocks: Blocks): Uint8Array {
  if (parts.length === 0 || parts.length > COMPOUND_PARTS_MAX) {
    throw new RangeError(
      `Cannot build a compound message: ${parts.length} parts, split them into groups of 1 to ${COMPOUND_PARTS_MAX}`,
    );
  }
  let total = compoundOverhead(parts.length);
  for (const part of parts) {
    if (part.length > COMPOUND_PART_BYTES_MAX) {
      throw new RangeError(
        `Cannot build a compound message: a part of ${part.length} bytes, at most ${COMPOUND_PART_BYTES_MAX} fit`,
      );
    }
    total += part.length;
  }
  const out = blocks.take(total);
  out[0] = MessageType.compound;
  out[1] = parts.length;
  let lengthAt = 2;
  let at = compoundOverhead(parts.length);
  for (const part of parts) {
    out[lengthAt++] = part.length >> 8;
    out[lengthAt++] = part.length & 255;
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** {@linkcode eachPart}: the lengths themselves are cut off, nothing was delivered. */
export const COMPOUND_HEADER_TRUNCATED = -1;

/**
 * Calls `part` with the bounds of each part of the compound body (behind the type byte) in `bytes[start, end)`.
 * Answers how many parts were cut off, or `COMPOUND_HEADER_TRUNCATED`.
 */
export function eachPart(
  bytes: Uint8Array,
  start: number,
  end: number,
  part: (start: number, end: number) => void,
): number {
  if (start >= end) return COMPOUND_HEADER_TRUNCATED;
  const parts = bytes[start] as number;
  let at = start + 1 + 2 * parts;
  if (at > end) return COMPOUND_HEADER_TRUNCATED;
  for (let i = 0; i < parts; i++) {
    const next = at + u16(bytes, start + 1 + 2 * i);
    if (next > end) return parts - i;
    part(at, next);
    at = next;
  }
  return 0;
}
