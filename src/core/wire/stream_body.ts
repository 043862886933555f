/**
 * Reads the message of a stream, once the layers are off, part by part as it comes (memberlist.md 2.4 to 2.7).
 *
 * @module
 */

import type { ByteBuffer } from "./byte_buffer.ts";
import type { DropReason } from "./contract.ts";
import { readAck, readErr, readPing } from "./decode.ts";
import {
  type PushPullHeader,
  readPushPullHeader,
  readPushPullNode,
  readUserHeader,
} from "./decode_parts.ts";
import { STREAM_STRUCT_BYTES_MAX, USER_MESSAGE_BYTES_MAX, USER_STATE_BYTES_MAX } from "./limits.ts";
import { MessageType } from "./messages.ts";
import type { PushPullNode, StreamMessage } from "./messages.ts";
import { MsgpackReader } from "./msgpack_reader.ts";
import { MsgpackScanner, SCAN_MORE } from "./msgpack_scanner.ts";

/** Idle between calls, which are synchronous. */
const reader: MsgpackReader = new MsgpackReader();

/** The cursor inside one message. A struct is decoded when all of it is there, and never looked at again. */
export class StreamBody {
  readonly #type: number;
  readonly #nodesMax: number;
  readonly #scanner: MsgpackScanner = new MsgpackScanner();
  #header: PushPullHeader | undefined;
  readonly #nodes: PushPullNode[] = [];
  #userBytes: number | undefined;
  #failure: { readonly reason: DropReason; readonly detail: string } | undefined;

  /** `type` is the message's type byte, one that is allowed here. */
  constructor(type: number, nodesMax: number) {
    this.#type = type;
    this.#nodesMax = nodesMax;
  }

  /** Why the message cannot be read. */
  get failure(): { readonly reason: DropReason; readonly detail: string } | undefined {
    return this.#failure;
  }

  /** Uses up what `buffer` has; answers the message when it is complete, `undefined` for more bytes or a failure. */
  read(buffer: ByteBuffer): StreamMessage | undefined {
    switch (this.#type) {
      case MessageType.ping:
        return this.#struct(buffer, readPing);
      case MessageType.ack:
        return this.#struct(buffer, readAck);
      case MessageType.err:
        return this.#struct(buffer, readErr);
      case MessageType.user:
        return this.#user(buffer);
      default:
        return this.#pushPull(buffer);
    }
  }

  #user(buffer: ByteBuffer): StreamMessage | undefined {
    this.#userBytes ??= this.#struct(buffer, readUserHeader);
    if (this.#userBytes === undefined) return undefined;
    if (!this.#within("user message", this.#userBytes, USER_MESSAGE_BYTES_MAX)) return undefined;
    const payload = raw(buffer, this.#userBytes);
    return payload && { type: "user", payload };
  }

  #pushPull(buffer: ByteBuffer): StreamMessage | undefined {
    const header = this.#header ??= this.#struct(buffer, readPushPullHeader);
    if (header === undefined) return undefined;
    if (!this.#within("member count", header.nodes, this.#nodesMax)) return undefined;
    if (!this.#within("user state", header.userStateBytes, USER_STATE_BYTES_MAX)) return undefined;
    while (this.#nodes.length < header.nodes) {
      const node = this.#struct(buffer, readPushPullNode);
      if (node === undefined) return undefined;
      this.#nodes.push(node);
    }
    const userState = raw(buffer, header.userStateBytes);
    return userState && { type: "pushPull", join: header.join, nodes: this.#nodes, userState };
  }

  #struct<T>(buffer: ByteBuffer, read: (reader: MsgpackReader) => T): T | undefined {
    const length = this.#scanner.scan(buffer.bytes, buffer.start, buffer.end);
    if (this.#scanner.bytesSeen > STREAM_STRUCT_BYTES_MAX) {
      return this.#fail("too-large", `a struct above ${STREAM_STRUCT_BYTES_MAX} bytes`);
    }
    if (length === SCAN_MORE) return undefined;
    if (length < 0) return this.#fail("malformed", "bytes that are no msgpack");
    reader.reset(buffer.bytes, buffer.start, buffer.start + length);
    const value = read(reader);
    const failure = reader.failure;
    reader.release();
    if (failure !== undefined) {
      return this.#fail("malformed", `a struct does not decode: ${failure}`);
    }
    this.#scanner.reset();
    buffer.consume(length);
    return value;
  }

  /** Announced counts are checked before anything is read for them; nothing is ever allocated for them. */
  #within(what: string, value: number, max: number): boolean {
    if (value >= 0 && value <= max) return true;
    this.#fail(value < 0 ? "malformed" : "too-large", `${what} of ${value}, at most ${max}`);
    return false;
  }

  #fail(reason: DropReason, detail: string): undefined {
    this.#failure ??= { reason, detail };
    return undefined;
  }
}

/** The next `length` bytes as a copy, once they are there. */
function raw(buffer: ByteBuffer, length: number): Uint8Array | undefined {
  if (buffer.length < length) return undefined;
  const bytes = buffer.bytes.slice(buffer.start, buffer.start + length);
  buffer.consume(length);
  return bytes;
}
