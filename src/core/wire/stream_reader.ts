/**
 * Takes the layers off a stream as its bytes come in (memberlist.md 2.3).
 *
 * @module
 */

import { ByteBuffer } from "./byte_buffer.ts";
import { decompress } from "./compress.ts";
import type { DropReason, StreamProgress, StreamReader, WireConfig } from "./contract.ts";
import { openPayload } from "./encryption.ts";
import { checkLabel, LABEL_MORE, LABEL_REFUSED } from "./label.ts";
import { PUSH_PULL_NODES_MAX, STREAM_BODY_BYTES_MAX, STREAM_BYTES_MAX } from "./limits.ts";
import { MessageType } from "./messages.ts";
import type { StreamMessage } from "./messages.ts";
import { MsgpackScanner, SCAN_MORE, u32 } from "./msgpack_scanner.ts";
import { plainBytes } from "./plain_bytes.ts";
import { ENCRYPTION_PREFIX_BYTES, streamAad } from "./stream_encryption.ts";
import { StreamBody } from "./stream_body.ts";

/** Which side we are on decides what may come. */
export type StreamDirection = "request" | "reply";

/** What remains to be read, outermost first. */
type Stage = "label" | "encryption" | "compression" | "type" | "body" | "done";

const MORE: StreamProgress = { type: "more" };
/** Room for the map and keys around `Buf`. */
const COMPRESS_HEAD_BYTES_MAX = 64;

const ALLOWED: Readonly<Record<StreamDirection, readonly number[]>> = {
  request: [MessageType.ping, MessageType.pushPull, MessageType.user],
  reply: [MessageType.ack, MessageType.pushPull, MessageType.err],
};

/** One direction of one stream. Every byte is looked at a bounded number of times, however it is cut up. */
export class LayeredStreamReader implements StreamReader {
  readonly #config: WireConfig;
  readonly #label: Uint8Array;
  readonly #direction: StreamDirection;
  readonly #buffer: ByteBuffer = new ByteBuffer();
  readonly #scanner: MsgpackScanner = new MsgpackScanner();
  #stage: Stage;
  #body: StreamBody | undefined;
  /** All bytes of the message are in the buffer: a layer with a length was around it. */
  #whole = false;
  #bytesIn = 0;
  #answer: StreamProgress = MORE;

  /** `label` is that of `config`, in bytes. */
  constructor(config: WireConfig, label: Uint8Array, direction: StreamDirection) {
    this.#config = config;
    this.#label = label;
    this.#direction = direction;
    this.#stage = direction === "request" ? "label" : "encryption";
  }

  push(bytes: Uint8Array): StreamProgress {
    if (this.#stage === "done") return this.#answer;
    this.#buffer.append(plainBytes(bytes));
    this.#bytesIn += bytes.length;
    // Each stage either ends the work or hands over to a later one.
    let answer: StreamProgress | undefined;
    while (answer === undefined) answer = this.#step();
    if (answer.type === "more" && this.#bytesIn > STREAM_BYTES_MAX) {
      answer = this.#failed("too-large", `more than ${STREAM_BYTES_MAX} bytes`, false);
    }
    if (answer.type !== "more") {
      this.#stage = "done";
      this.#answer = answer;
      this.#body = undefined;
      this.#buffer.clear();
    }
    return answer;
  }

  #step(): StreamProgress | undefined {
    switch (this.#stage) {
      case "label":
        return this.#readLabel();
      case "encryption":
        return this.#readEncryption();
      case "compression":
        return this.#readCompression();
      case "type":
        return this.#readType();
      default:
        return this.#readBody();
    }
  }

  #readLabel(): StreamProgress | undefined {
    const buffer = this.#buffer;
    const skip = this.#config.skipInboundLabelCheck;
    // Nothing has been consumed yet, so the bytes begin at 0.
    const rest = checkLabel(buffer.bytes, buffer.end, this.#label, skip);
    if (rest === LABEL_MORE) return MORE;
    if (rest === LABEL_REFUSED) return this.#failed("label", "another label, or none", false);
    buffer.consume(rest);
    this.#stage = "encryption";
    return undefined;
  }

  #readEncryption(): StreamProgress | undefined {
    const buffer = this.#buffer;
    if (buffer.length === 0) return MORE;
    const ciphers = this.#config.keyring.ciphers();
    if (buffer.bytes[buffer.start] !== MessageType.encrypt) {
      if (ciphers.length > 0 && this.#config.verifyIncoming) {
        return this.#failed("plaintext", PLAINTEXT, true);
      }
      this.#stage = "compression";
      return undefined;
    }
    if (ciphers.length === 0) return this.#failed("decrypt", NO_KEYS, true);
    if (buffer.length < ENCRYPTION_PREFIX_BYTES) return MORE;
    const payloadBytes = u32(buffer.bytes, buffer.start + 1);
    if (payloadBytes > STREAM_BODY_BYTES_MAX) {
      return this.#failed("too-large", `encrypted state of ${payloadBytes} bytes`, true);
    }
    if (buffer.length < ENCRYPTION_PREFIX_BYTES + payloadBytes) return MORE;
    const payloadAt = buffer.start + ENCRYPTION_PREFIX_BYTES;
    const aad = streamAad(buffer.bytes.subarray(buffer.start, payloadAt), this.#label);
    const payload = buffer.bytes.subarray(payloadAt, payloadAt + payloadBytes);
    const plain = openPayload(ciphers, payload, aad);
    if (plain === undefined) return this.#failed("decrypt", "no installed key could decrypt", true);
    if (plain.length === 0) return this.#failed("empty", "nothing was encrypted", true);
    this.#unwrapped(plain);
    this.#stage = "compression";
    return undefined;
  }

  #readCompression(): StreamProgress | undefined {
    const buffer = this.#buffer;
    if (buffer.bytes[buffer.start] !== MessageType.compress) {
      this.#stage = "type";
      return undefined;
    }
    const start = buffer.start + 1;
    const length = this.#scanner.scan(buffer.bytes, start, buffer.end);
    if (this.#scanner.bytesSeen > STREAM_BODY_BYTES_MAX + COMPRESS_HEAD_BYTES_MAX) {
      return this.#failed("too-large", "compressed state above 20 MiB", true);
    }
    if (length === SCAN_MORE && !this.#whole) return MORE;
    if (length < 0) return this.#failed("malformed", "compress message does not decode", true);
    const inner = decompress(buffer.bytes, start, start + length, STREAM_BYTES_MAX);
    if (typeof inner === "string") {
      const reason = inner === "malformed" || inner === "too-large" ? inner : "compress";
      return this.#failed(reason, `decompression failed: ${inner}`, true);
    }
    if (inner.length === 0) return this.#failed("empty", "nothing was compressed", true);
    this.#unwrapped(inner);
    this.#stage = "type";
    return undefined;
  }

  #readType(): StreamProgress | undefined {
    const buffer = this.#buffer;
    const type = buffer.bytes[buffer.start] as number;
    if (!ALLOWED[this.#direction].includes(type)) {
      return this.#failed("unknown-type", `message type ${type} on a ${this.#direction}`, false);
    }
    buffer.consume(1);
    this.#body = new StreamBody(type, this.#config.pushPullNodesMax ?? PUSH_PULL_NODES_MAX);
    this.#stage = "body";
    return undefined;
  }

  #readBody(): StreamProgress {
    const body = this.#body as StreamBody;
    const message: StreamMessage | undefined = body.read(this.#buffer);
    if (message !== undefined) return { type: "message", message };
    if (body.failure !== undefined) {
      return this.#failed(body.failure.reason, body.failure.detail, false);
    }
    return this.#whole ? this.#failed("malformed", "the message is cut off", false) : MORE;
  }

  #unwrapped(inner: Uint8Array): void {
    this.#buffer.become(plainBytes(inner));
    this.#whole = true;
  }

  /** An error reply is due only by the accepting side. */
  #failed(reason: DropReason, detail: string, reply: boolean): StreamProgress {
    return { type: "failed", reason, detail, reply: reply && this.#direction === "request" };
  }
}

/** The texts that Go puts into its error replies, which operators search for. */
const NO_KEYS = "remote state is encrypted and encryption is not configured";
const PLAINTEXT = "encryption is configured but remote state is not encrypted";
