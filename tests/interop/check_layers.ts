/**
 * Vectors of the layers around messages: compression, encryption, whole packets, whole streams.
 *
 * @module
 */

import { compressAlways, decompress } from "../../src/core/wire/compress.ts";
import type { StreamProgress, StreamReader, WireConfig } from "../../src/core/wire/contract.ts";
import { crc32 } from "../../src/core/wire/crc32.ts";
import { encodeMessage } from "../../src/core/wire/encode.ts";
import {
  type EncryptionVersion,
  openPayload,
  sealedBytes,
  sealPayload,
} from "../../src/core/wire/encryption.ts";
import { createPacketCodec } from "../../src/core/wire/packet_codec.ts";
import { createStreamCodec } from "../../src/core/wire/stream_codec.ts";
import {
  ENCRYPTION_PREFIX_BYTES,
  encryptionPrefix,
  streamAad,
} from "../../src/core/wire/stream_encryption.ts";
import { encodeUtf8 } from "../../src/core/wire/utf8.ts";
import { aesGcm } from "./aes_gcm.ts";
import { expectSame } from "./expect_same.ts";
import {
  type Fields,
  fromFields,
  fromHex,
  streamFromFields,
  toFields,
  toHex,
} from "./go_fields.ts";
import { openAll, wireConfig } from "./wire_under_test.ts";

/** Checks one entry of `compression`. */
export function checkCompression(vector: Fields): void {
  if (vector["inputLength"] !== undefined) {
    const length = vector["inputLength"] as number;
    const message = compressAlways(noise(9, length));
    expectSame("length", message.length, vector["messageLength"]);
    const sum = crc32(message).toString(16).padStart(8, "0");
    expectSame("CRC-32", sum, vector["messageCrc32"]);
    return expectSame("decompressed", inflated(message), toHex(noise(9, length)));
  }
  const plain = vector["plain"] === undefined
    ? described(vector["note"])
    : fromHex(vector["plain"]);
  expectSame("decompressed", inflated(fromHex(vector["hex"])), toHex(plain));
  expectSame("compressed", toHex(compressAlways(plain)), vector["hex"]);
}

function inflated(message: Uint8Array): string {
  const plain = decompress(message, 1, message.length, 1 << 20);
  if (typeof plain === "string") throw new Error(`does not decompress: ${plain}`);
  return toHex(plain);
}

/** The generator the vectors were made with: seeded, byte after byte. */
function noise(seed: number, length: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Input that the file describes in words only. */
function described(note: unknown): Uint8Array {
  const match = /seed (\d+), byte=\(s>>>24\)&255, (\d+) bytes/.exec(String(note));
  if (match === null) throw new Error(`no plain text, and a note that describes none: ${note}`);
  return noise(Number(match[1]), Number(match[2]));
}

/** Checks one entry of `encryption`: opens, seals to the same bytes, and refuses every tampering. */
export function checkEncryption(vector: Fields): void {
  const bytes = fromHex(vector["hex"]);
  const isStream = vector["label"] !== undefined;
  const payloadAt = isStream ? ENCRYPTION_PREFIX_BYTES : 0;
  const payload = bytes.slice(payloadAt);
  const prefix = bytes.slice(0, payloadAt);
  const aad = isStream
    ? streamAad(prefix, encodeUtf8(vector["label"] as string))
    : fromHex(vector["aad"]);
  const cipher = aesGcm(fromHex(vector["key"]), () => payload.slice(1, 13));
  const open = (altered: Uint8Array, with_: Uint8Array) => {
    const plain = openPayload([cipher], altered, with_);
    return plain === undefined ? "refused" : toHex(plain);
  };
  expectSame("opened", open(payload, aad), vector["plain"]);
  const plain = fromHex(vector["plain"]);
  const version = payload[0] as EncryptionVersion;
  expectSame("length", payload.length, sealedBytes(plain.length, version));
  if (isStream) expectSame("prefix", toHex(prefix), toHex(encryptionPrefix(payload.length)));
  expectSame("sealed", toHex(sealPayload(cipher, version, plain, aad, prefix)), vector["hex"]);
  expectSame("with another AAD", open(payload, Uint8Array.of(...aad, 0)), "refused");
  expectSame("with a flipped bit", open(flipped(payload, payload.length - 1), aad), "refused");
  // The version byte itself is not authenticated.
  expectSame(
    "with an unknown version",
    open(Uint8Array.of(2, ...payload.slice(1)), aad),
    "refused",
  );
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => i === at ? byte ^ 1 : byte);
}

/** Checks one entry of `packets`. */
export function checkPacket(vector: Fields): void {
  const bytes = fromHex(vector["hex"]);
  const decoded = vector["decoded"] as Fields;
  const msg = decoded["msg"] as Fields;
  const label = (vector["label"] ?? "") as string;
  const payload = bytes.slice(label === "" ? 0 : 2 + encodeUtf8(label).length);
  const key = vector["key"];
  const config = wireConfig({
    label,
    ciphers: key === undefined ? [] : [aesGcm(fromHex(key), () => payload.slice(1, 13))],
    compression: vector["compression"] === true,
    protocolVersion: vector["protocolVersion"] as number,
  });
  const layers = [
    ...label === "" ? [] : [{ label }],
    ...key === undefined ? [] : [{ encryptVersion: payload[0] }],
  ];
  expectSame("layers", decoded["layers"], layers);
  expectSame("shape", shapeOf(msg), vector["shape"]);
  const opened = openAll(config, bytes);
  expectSame("dropped", opened.dropped, []);
  expectSame("messages", opened.messages.map(toFields), leaves(msg));
  const parts = leaves(msg).map((leaf) => encodeMessage(fromFields(leaf)));
  expectSame("parts", opened.encoded.map(toHex), parts.map(toHex));
  const crc = msg["type"] === "crc";
  expectSame("sealed", toHex(createPacketCodec(config, crc32).seal(parts, crc)), vector["hex"]);
  if (crc || key !== undefined) {
    const damaged = openAll(config, flipped(bytes, bytes.length - 1));
    const expected = key === undefined ? "crc" : "decrypt";
    expectSame("damaged", [damaged.messages.length, ...damaged.dropped], [0, expected]);
  }
}

function leaves(msg: Fields): Fields[] {
  if (msg["inner"] !== undefined) return leaves(msg["inner"] as Fields);
  return msg["parts"] === undefined ? [msg] : (msg["parts"] as Fields[]).flatMap(leaves);
}

function shapeOf(msg: Fields): string {
  if (msg["inner"] !== undefined) return `${msg["type"]}>${shapeOf(msg["inner"] as Fields)}`;
  if (msg["parts"] === undefined) return String(msg["type"]);
  return `compound[${(msg["parts"] as Fields[]).map(shapeOf).join(",")}]`;
}

/** Checks one entry of `streams`. */
export function checkStream(vector: Fields): void {
  const bytes = fromHex(vector["hex"]);
  const { compressed, trailing, ...decoded } = vector["decoded"] as Fields;
  const label = (vector["label"] ?? "") as string;
  const isReply = String(vector["direction"]).startsWith("reply");
  const payloadAt = isReply || label === "" ? 0 : 2 + encodeUtf8(label).length;
  const encrypted = bytes[payloadAt] === 0x0a;
  const key = vector["key"];
  const nonceAt = payloadAt + ENCRYPTION_PREFIX_BYTES + 1;
  const options = {
    label,
    ciphers: key === undefined
      ? []
      : [aesGcm(fromHex(key), () => bytes.slice(nonceAt, nonceAt + 12))],
    compression: compressed === true,
    protocolVersion: (vector["protocolVersion"] ?? 2) as number,
  };
  const strict = wireConfig(options);
  if (vector["labelHeader"] !== undefined) {
    expectSame("label header", vector["labelHeader"], payloadAt === 0 ? null : label);
  }
  if (vector["kind"] === "garbage") return expectFailure(strict, bytes, "decrypt");
  if (key !== undefined && !encrypted) expectFailure(strict, bytes, "plaintext");
  const config: WireConfig = { ...strict, verifyIncoming: encrypted, verifyOutgoing: encrypted };
  const codec = createStreamCodec(config);
  const reader = () => isReply ? codec.replyReader() : codec.requestReader();
  for (const step of [bytes.length, 1, 7]) {
    expectSame(`read by ${step} bytes`, readBy(reader(), bytes, step), decoded);
  }
  expectSame("trailing", trailing, 0);
  const message = streamFromFields(decoded);
  if (encrypted && vector["encryptedLength"] !== undefined) {
    expectSame("announced", bytes.length - payloadAt - 5, vector["encryptedLength"]);
  }
  // go-msgpack 0.5.x writes lengths from 128 on in another form, which is only read.
  if (vector["source"] !== "go-0.2.2" || !hasLongLength(decoded)) {
    const again = isReply ? codec.reply(message) : codec.request(message);
    expectSame("written", toHex(again), vector["hex"]);
  }
  if (vector["acceptedReply"] !== undefined) checkReply(vector, options, message);
}

function checkReply(
  vector: Fields,
  options: Parameters<typeof wireConfig>[0],
  asked: { readonly type: string; readonly seqNo?: number },
): void {
  const bytes = fromHex(vector["acceptedReply"]);
  const key = vector["key"];
  const ciphers = key === undefined ? [] : [aesGcm(fromHex(key), () => bytes.slice(6, 18))];
  const codec = createStreamCodec(wireConfig({ ...options, ciphers }));
  const ack = { type: "ack", seqNo: asked.seqNo ?? 0, payload: null } as const;
  expectSame("accepted reply", readBy(codec.replyReader(), bytes, 1), toFields(ack));
  expectSame("accepted reply written", toHex(codec.reply(ack)), vector["acceptedReply"]);
}

function hasLongLength(decoded: Fields): boolean {
  const header = decoded["header"] as Fields | undefined;
  const payload = decoded["payload"] as string | undefined;
  const lengths = [header?.["Nodes"], header?.["UserStateLen"], header?.["UserMsgLen"]];
  return (payload?.length ?? 0) / 2 >= 128 ||
    lengths.some((n) => typeof n === "number" && n >= 128);
}

function readBy(reader: StreamReader, bytes: Uint8Array, step: number): unknown {
  let progress: StreamProgress = { type: "more" };
  for (let at = 0; at < bytes.length; at += step) {
    if (progress.type === "message") {
      throw new Error(`complete after ${at} of ${bytes.length} bytes`);
    }
    progress = reader.push(bytes.slice(at, at + step));
  }
  if (progress.type === "failed") throw new Error(`failed: ${progress.reason}, ${progress.detail}`);
  if (progress.type === "more") throw new Error("wants more bytes at the end");
  const fields = toFields(progress.message);
  if (progress.message.type !== "user") return fields;
  return { ...fields, header: { UserMsgLen: progress.message.payload.length } };
}

function expectFailure(config: WireConfig, bytes: Uint8Array, reason: string): void {
  const progress = createStreamCodec(config).requestReader().push(bytes);
  if (progress.type !== "failed") throw new Error(`expected failure "${reason}"`);
  expectSame("failure", [progress.reason, progress.reply], [reason, true]);
}
