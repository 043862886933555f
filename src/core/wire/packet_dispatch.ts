/**
 * Unfolds compound and compress messages, which may nest in any order (memberlist.md 1.1).
 *
 * @module
 */

import { COMPOUND_HEADER_TRUNCATED, eachPart } from "./compound.ts";
import { decompress } from "./compress.ts";
import type { PacketSink } from "./contract.ts";
import { decodeMessageAt } from "./decode.ts";
import {
  COMPOUND_DEPTH_MAX,
  COMPRESS_DEPTH_MAX,
  PACKET_DECOMPRESSED_BYTES_MAX,
  PACKET_MESSAGES_MAX,
} from "./limits.ts";
import { MessageType } from "./messages.ts";

/** The budget of one packet; a fresh one is made for each. */
export class PacketDispatch {
  readonly #sink: PacketSink;
  #expandableBytes: number = PACKET_DECOMPRESSED_BYTES_MAX;
  #messages: number = PACKET_MESSAGES_MAX;

  /** Messages and drops go to `sink`. */
  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** Delivers what `bytes[start, end)` hold; the depths count the layers of each kind already unfolded. */
  dispatch(bytes: Uint8Array, start: number, end: number, compounds = 0, compresses = 0): void {
    if (start < end && bytes[start] === MessageType.compound) {
      if (compounds === COMPOUND_DEPTH_MAX) return this.#sink.dropped("nesting");
      return this.#compound(bytes, start + 1, end, compounds + 1, compresses);
    }
    if (start < end && bytes[start] === MessageType.compress) {
      if (compresses === COMPRESS_DEPTH_MAX) return this.#sink.dropped("nesting");
      return this.#compress(bytes, start + 1, end, compounds, compresses + 1);
    }
    deliver(bytes, start, end, this.#sink);
  }

  #compound(
    bytes: Uint8Array,
    start: number,
    end: number,
    compounds: number,
    compresses: number,
  ): void {
    const cut = eachPart(bytes, start, end, (from, to) => {
      this.#messages -= 1;
      if (this.#messages > 0) this.dispatch(bytes, from, to, compounds, compresses);
      else if (this.#messages === 0) this.#sink.dropped("too-large");
    });
    if (cut === COMPOUND_HEADER_TRUNCATED) return this.#sink.dropped("compound");
    for (let i = 0; i < cut; i++) this.#sink.dropped("compound");
    // A count of 256 wraps to 0 in Go: its messages are lost, and that must not go unseen.
    if (bytes[start] === 0) this.#sink.dropped("compound");
  }

  #compress(
    bytes: Uint8Array,
    start: number,
    end: number,
    compounds: number,
    compresses: number,
  ): void {
    const inner = decompress(bytes, start, end, this.#expandableBytes);
    if (typeof inner === "string") {
      const passedOn = inner === "malformed" || inner === "too-large";
      return this.#sink.dropped(passedOn ? inner : "compress");
    }
    this.#expandableBytes -= inner.length;
    this.dispatch(inner, 0, inner.length, compounds, compresses);
  }
}

/** Decodes and hands over one message, or the reason why not. */
export function deliver(bytes: Uint8Array, start: number, end: number, sink: PacketSink): void {
  const message = decodeMessageAt(bytes, start, end);
  if (typeof message === "string") return sink.dropped(message);
  const whole = start === 0 && end === bytes.length;
  sink.message(message, whole ? bytes : bytes.subarray(start, end));
}
