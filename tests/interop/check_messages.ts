/**
 * Vectors of single messages, compounds included.
 *
 * @module
 */

import { Blocks } from "../../src/core/wire/blocks.ts";
import { encodeCompound } from "../../src/core/wire/compound.ts";
import { crc32 } from "../../src/core/wire/crc32.ts";
import { decodeMessage } from "../../src/core/wire/decode.ts";
import {
  readPushPullHeader,
  readPushPullNode,
  readUserHeader,
} from "../../src/core/wire/decode_parts.ts";
import {
  encodeMessage,
  encodePushPullHeader,
  encodePushPullNode,
  encodeUserHeader,
} from "../../src/core/wire/encode.ts";
import { MsgpackReader } from "../../src/core/wire/msgpack_reader.ts";
import { createPacketCodec } from "../../src/core/wire/packet_codec.ts";
import { expectSame } from "./expect_same.ts";
import {
  type Fields,
  fromFields,
  fromHex,
  headerToFields,
  nodeFromFields,
  nodeToFields,
  toFields,
  toHex,
} from "./go_fields.ts";
import { openAll, wireConfig } from "./wire_under_test.ts";

/** Checks one entry of `messages`. */
export function checkMessage(vector: Fields): void {
  const bytes = fromHex(vector["hex"]);
  const decoded = vector["decoded"] as Fields | undefined;
  if (decoded === undefined) return checkBareCompound(bytes);
  check(bytes, decoded, true);
  // The form of go-msgpack 0.5.x is read, and never written.
  if (vector["hex022"] !== undefined) check(fromHex(vector["hex022"]), decoded, false);
}

function check(bytes: Uint8Array, decoded: Fields, encodes: boolean): void {
  const [fields, encoded] = both(bytes, decoded);
  expectSame("decoded", fields, decoded);
  if (encodes) expectSame("encoded", toHex(encoded), toHex(bytes));
}

/** What `bytes` decode to, in the words of the vector, and what the vector's fields encode to. */
function both(bytes: Uint8Array, decoded: Fields): [Fields, Uint8Array] {
  if (decoded["UserMsgLen"] !== undefined) {
    const length = body(bytes, 1, readUserHeader);
    return [
      { type: "user", UserMsgLen: length },
      encodeUserHeader(decoded["UserMsgLen"] as number),
    ];
  }
  if (decoded["UserStateLen"] !== undefined) {
    const header = body(bytes, 1, readPushPullHeader);
    return [
      { type: "pushPull", ...headerToFields(header) },
      encodePushPullHeader(
        decoded["Join"] as boolean,
        decoded["Nodes"] as number,
        decoded["UserStateLen"] as number,
      ),
    ];
  }
  if (decoded["Name"] !== undefined) {
    const node = body(bytes, 0, readPushPullNode);
    return [nodeToFields(node), encodePushPullNode(nodeFromFields(decoded))];
  }
  if (decoded["type"] === "compound") {
    const parts = openAll(wireConfig({}), bytes).messages.map(toFields);
    const fields = decoded["parts"] as Fields[];
    const encoded = fields.map((part) => encodeMessage(fromFields(part)));
    return [{ type: "compound", parts }, encodeCompound(encoded, new Blocks())];
  }
  if (decoded["type"] === "crc") {
    const codec = createPacketCodec(wireConfig({}), crc32);
    const inner = openAll(wireConfig({}), bytes).messages.map(toFields)[0];
    const message = encodeMessage(fromFields(decoded["inner"] as Fields));
    return [{ type: "crc", ok: true, inner }, codec.seal([message], true)];
  }
  if (decoded["layers"] !== undefined) {
    const label = (decoded["layers"] as Fields[])[0]?.["label"] as string;
    const codec = createPacketCodec(wireConfig({ label }), crc32);
    const msg = openAll(wireConfig({ label }), bytes).messages.map(toFields)[0];
    const message = encodeMessage(fromFields(decoded["msg"] as Fields));
    return [{ layers: [{ label }], msg }, codec.seal([message], false)];
  }
  const message = decodeMessage(bytes);
  if (typeof message === "string") throw new Error(`dropped: ${message}`);
  return [toFields(message), encodeMessage(fromFields(decoded))];
}

function body<T>(bytes: Uint8Array, start: number, read: (reader: MsgpackReader) => T): T {
  const reader = new MsgpackReader();
  reader.reset(bytes, start, bytes.length);
  const value = read(reader);
  if (reader.failure !== undefined) throw new Error(`does not decode: ${reader.failure}`);
  if (reader.at !== bytes.length) throw new Error(`stops at ${reader.at} of ${bytes.length} bytes`);
  return value;
}

/** A compound without fields in the file: a full one of equal parts, or the one whose count wrapped to 0. */
function checkBareCompound(bytes: Uint8Array): void {
  const { messages, dropped } = openAll(wireConfig({}), bytes);
  const count = bytes[1] as number;
  expectSame("parts", messages.length, count);
  expectSame("dropped", dropped, count === 0 ? ["compound"] : []);
  const parts = messages.map(encodeMessage);
  if (count > 0) {
    return expectSame("encoded", toHex(encodeCompound(parts, new Blocks())), toHex(bytes));
  }
  const overflow = Array.from({ length: 256 }, () => Uint8Array.of(8, 0xff));
  try {
    encodeCompound(overflow, new Blocks());
  } catch (cause) {
    if (cause instanceof RangeError) return;
  }
  throw new Error("256 parts were not refused");
}
