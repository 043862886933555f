/**
 * Vectors of odd and broken structs: what Go makes of them, we make of them.
 *
 * @module
 */

import { readAlive, readIndirectPing } from "../../src/core/wire/decode.ts";
import {
  readCompress,
  readPushPullHeader,
  readPushPullNode,
  readUserHeader,
} from "../../src/core/wire/decode_parts.ts";
import { MsgpackReader } from "../../src/core/wire/msgpack_reader.ts";
import { expectSame } from "./expect_same.ts";
import {
  compressToFields,
  type Fields,
  fromHex,
  headerToFields,
  nodeToFields,
  toFields,
  toHex,
} from "./go_fields.ts";

const READERS: Readonly<Record<string, (reader: MsgpackReader) => Fields>> = {
  alive: (reader) => toFields(readAlive(reader)),
  indirectPing: (reader) => toFields(readIndirectPing(reader)),
  pushNodeState: (reader) => nodeToFields(readPushPullNode(reader)),
  pushPullHeader: (reader) => headerToFields(readPushPullHeader(reader)),
  compress: (reader) => compressToFields(readCompress(reader)),
  userMsgHeader: (reader) => ({ UserMsgLen: readUserHeader(reader) }),
};

/** Checks one entry of `malformed` against the outcome at the head of Go's development. */
export function checkMalformed(vector: Fields): void {
  const read = READERS[vector["body"] as string];
  if (read === undefined) throw new Error(`no reader for a body "${vector["body"]}"`);
  const bytes = vector["hex"] === undefined
    ? generate(vector["generator"] as string)
    : fromHex(vector["hex"]);
  const reader = new MsgpackReader();
  reader.reset(bytes, 0, bytes.length);
  const fields = read(reader);
  const head = vector["head"] as Fields;
  if (head["ok"] !== true) return expectSame("failure", reader.failure ?? "none", head["error"]);
  expectSame("failure", reader.failure ?? "none", "none");
  expectSame("non-zero fields", nonZero(fields), head["nonZeroFields"]);
}

function nonZero(fields: Fields): Fields {
  const zero: readonly unknown[] = ["", 0, false, null];
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => name !== "type" && !zero.includes(value)),
  );
}

/** Builds the bytes that a text like `82 a3, then byte 91 repeated 900 times, then a4 "Node"` describes. */
function generate(recipe: string): Uint8Array {
  const hex = recipe.split(", then ").map((step) => {
    const repeated = /^byte ([0-9a-f]{2}) repeated (\d+) times$/.exec(step);
    if (repeated !== null) return (repeated[1] as string).repeat(Number(repeated[2]));
    const quoted = step.replaceAll(
      /"([^"]*)"/g,
      (_match, text: string) => toHex(Uint8Array.from(text, (char) => char.charCodeAt(0))),
    );
    return quoted.replaceAll(" ", "");
  });
  return fromHex(hex.join(""));
}
