/**
 * Decides which datagrams are worth decoding.
 *
 * @module
 */

import type { Millis } from "../../mod.ts";
import type { DropReason } from "./drops.ts";

/** No packet of multicast DNS is larger, headers included (RFC 6762 17). */
const PACKET_BYTES_MAX = 9_000;
/** A packet with more records is no honest one: 1500 bytes hold about a hundred. */
const RECORDS_MAX = 512;
/** The least that a question takes. */
const RECORD_BYTES_MIN = 5;
const HEADER_BYTES = 12;
/** What a link decodes in a millisecond, and at once after a quiet time: hundreds of nodes that start together need less. */
const BYTES_PER_MS = 256;
const BURST_BYTES = 1_048_576;
/** Each name may point at most of the packet, so that many names cost more than their bytes. */
const CHEAP_RECORDS = 32;

/** The admission of one link. */
export class Admission {
  #bytes = BURST_BYTES;
  #sinceMs: Millis = -Infinity;

  /** `undefined` when the datagram may be decoded. */
  refuses(bytes: Uint8Array, now: Millis): DropReason | undefined {
    if (bytes.length > PACKET_BYTES_MAX) return "oversize";
    if (bytes.length < HEADER_BYTES) return "malformed";
    const records = [4, 6, 8, 10].reduce(
      (sum, at) => sum + ((bytes[at] as number) << 8) + (bytes[at + 1] as number),
      0,
    );
    if (records > RECORDS_MAX) return "oversize";
    // The package would make room for them all before it finds that they are not there.
    if (records * RECORD_BYTES_MIN > bytes.length - HEADER_BYTES) return "malformed";
    if (this.#sinceMs < now) {
      this.#bytes = Math.min(BURST_BYTES, this.#bytes + (now - this.#sinceMs) * BYTES_PER_MS);
      this.#sinceMs = now;
    }
    const cost = bytes.length * (1 + records / CHEAP_RECORDS);
    if (cost > this.#bytes) return "flood";
    this.#bytes -= cost;
    return undefined;
  }
}
