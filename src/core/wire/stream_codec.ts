/**
 * Streams: the layers around a message on TCP (memberlist.md 2).
 *
 * @module
 */

import { compressAlways } from "./compress.ts";
import type { StreamCodec, StreamReader, WireConfig } from "./contract.ts";
import { encodeStreamMessage } from "./encode.ts";
import { encryptionVersion, sealedBytes, sealPayload } from "./encryption.ts";
import { labelBytes, labelHeader } from "./label.ts";
import type { StreamMessage } from "./messages.ts";
import { encryptionPrefix, streamAad } from "./stream_encryption.ts";
import { LayeredStreamReader } from "./stream_reader.ts";

/** Makes the codec of one node. Throws `RangeError` for a label above 255 bytes. */
export function createStreamCodec(config: WireConfig): StreamCodec {
  const label = labelBytes(config.label);
  const header = labelHeader(label);

  /** State that is said again, as to members that don't answer, is not encoded again. */
  const bodies: WeakMap<StreamMessage, Uint8Array> = new WeakMap();

  function bodyOf(message: StreamMessage): Uint8Array {
    const known = bodies.get(message);
    if (known !== undefined) return known;
    const encoded = encodeStreamMessage(message);
    const body = config.compression ? compressAlways(encoded) : encoded;
    if (message.type === "pushPull") bodies.set(message, body);
    return body;
  }

  /** Compresses and encrypts as configured, behind `prefix`. */
  function frame(message: StreamMessage, prefix: Uint8Array): Uint8Array {
    const body = bodyOf(message);
    const cipher = config.verifyOutgoing ? config.keyring.ciphers()[0] : undefined;
    if (cipher === undefined) return joined(prefix, body);
    const version = encryptionVersion(config.protocolVersion);
    const announced = encryptionPrefix(sealedBytes(body.length, version));
    const aad = streamAad(announced, label);
    return sealPayload(cipher, version, body, aad, joined(prefix, announced));
  }

  return {
    requestReader: (): StreamReader => new LayeredStreamReader(config, label, "request"),
    replyReader: (): StreamReader => new LayeredStreamReader(config, label, "reply"),
    request: (message: StreamMessage): Uint8Array => frame(message, header),
    reply: (message: StreamMessage): Uint8Array => frame(message, new Uint8Array(0)),
  };
}

/** Always a copy: what goes out belongs to the driver. */
function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const out = new Uint8Array(head.length + tail.length);
  out.set(head);
  out.set(tail, head.length);
  return out;
}
