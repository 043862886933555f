/**
 * Inputs for the wire's decoders: valid ones, valid ones broken in one place, and noise.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import type { Rng } from "../../src/core/rng.ts";
import { Blocks } from "../../src/core/wire/blocks.ts";
import { encodeCompound } from "../../src/core/wire/compound.ts";
import { compressAlways } from "../../src/core/wire/compress.ts";
import { encodeMessage, encodeStreamMessage } from "../../src/core/wire/encode.ts";
import type { PacketMessage, PushPullNode, StreamMessage } from "../../src/core/wire/messages.ts";

/** Tags, bounds of lengths, message types: the values at which decoders branch. */
const INTERESTING = [
  ...[0x00, 0x01, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f],
  ...[0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcc, 0xcd],
  ...[0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf],
  ...[0xe0, 0xf4, 0xff],
];
/** Field names that belong together, so that a struct gets far before it fails. */
const KEYS: readonly (readonly string[])[] = [
  ["SeqNo", "Node", "SourceAddr", "SourcePort", "SourceNode", "Zzz"],
  ["SeqNo", "Target", "Port", "Node", "Nack", "SourceAddr", "SourcePort", "SourceNode"],
  ["SeqNo", "Payload", "seqNo"],
  ["Incarnation", "Node", "From"],
  ["Incarnation", "Node", "Addr", "Port", "Meta", "Vsn", "Zzz"],
  ["Incarnation", "Name", "Addr", "Port", "Meta", "Vsn", "State"],
  ["Nodes", "UserStateLen", "Join", "UserMsgLen"],
  ["Algo", "Buf", "Error"],
];

/** Every `hex` of the vectors: real packets and streams of Go. */
export function vectorCorpus(): Uint8Array[] {
  const file: unknown = JSON.parse(readFileSync("tests/interop/vectors/memberlist.json", "utf8"));
  const corpus: Uint8Array[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (name === "hex" && typeof inner === "string") {
        corpus.push(Uint8Array.from(inner.match(/../g) ?? [], (pair) => parseInt(pair, 16)));
      }
      visit(inner);
    }
  };
  visit(file);
  return corpus;
}

/** Uniform noise. */
export function noise(rng: Rng, lengthMax: number): Uint8Array {
  return Uint8Array.from({ length: rng.below(lengthMax + 1) }, () => rng.below(256));
}

/** A valid message of a packet. */
export function packetMessage(rng: Rng): PacketMessage {
  const [seqNo, incarnation] = [integer(rng), integer(rng)];
  const [node, from] = [name(rng), name(rng)];
  const port = rng.below(65_536);
  switch (rng.below(8)) {
    case 0:
      return { type: "ping", seqNo, node };
    case 1: {
      const source = { sourceAddr: address(rng), sourcePort: port, sourceNode: from };
      return { type: "ping", seqNo, node, ...source };
    }
    case 2:
      return {
        type: "indirectPing",
        seqNo,
        target: address(rng),
        port,
        node,
        nack: rng.chance(0.5),
      };
    case 3:
      return { type: "ack", seqNo, payload: rng.chance(0.5) ? null : noise(rng, 40) };
    case 4:
      return { type: rng.chance(0.5) ? "suspect" : "dead", incarnation, node, from };
    case 5:
      return { type: "user", payload: noise(rng, 100) };
    case 6:
      return { type: "nack", seqNo };
    default: {
      const { name: node, addr, port, meta, incarnation, vsn } = row(rng);
      return { type: "alive", node, addr, port, meta, incarnation, vsn };
    }
  }
}

/** A valid message of a stream. */
export function streamMessage(rng: Rng): StreamMessage {
  switch (rng.below(6)) {
    case 0:
      return { type: "ping", seqNo: integer(rng), node: name(rng) };
    case 1:
      return { type: "ack", seqNo: integer(rng), payload: null };
    case 2:
      return { type: "err", error: name(rng) };
    case 3:
      return { type: "user", payload: noise(rng, 300) };
    default: {
      const nodes = Array.from({ length: rng.below(8) }, () => row(rng));
      return { type: "pushPull", join: rng.chance(0.5), nodes, userState: noise(rng, 60) };
    }
  }
}

function row(rng: Rng): PushPullNode {
  return {
    name: name(rng),
    addr: address(rng),
    port: rng.below(65_536),
    meta: rng.chance(0.3) ? null : noise(rng, 80),
    incarnation: integer(rng),
    state: rng.below(5),
    vsn: rng.chance(0.1) ? noise(rng, 8) : Uint8Array.of(1, 5, 2, 0, 0, 0),
  };
}

function integer(rng: Rng): number {
  return Math.floor(rng.u32() / 2 ** rng.below(32));
}

function name(rng: Rng): string {
  const letters = ["a", "b", "-", "0", "é", "東", "🦊"];
  return Array.from({ length: rng.below(40) }, () => letters[rng.below(letters.length)]).join("");
}

function address(rng: Rng): Uint8Array {
  return Uint8Array.from({ length: rng.chance(0.7) ? 4 : 16 }, () => rng.below(256));
}

/** A struct of msgpack: mostly plausible values, some of another kind, some that lie about their length. */
export function wildStruct(rng: Rng, type: number): Uint8Array {
  const out: number[] = [type];
  const keys = KEYS[rng.below(KEYS.length)] as readonly string[];
  const fields = rng.below(9);
  if (rng.chance(0.9)) count(rng, out, fields, 0x80, 0xde);
  else wildValue(rng, out, 2);
  for (let i = 0; i < fields; i++) {
    const key = keys[rng.below(keys.length)] as string;
    out.push(0xa0 | key.length, ...Array.from(key, (char) => char.charCodeAt(0)));
    const choice = rng.below(10);
    if (choice < 4) out.push(rng.below(128));
    else if (choice < 7) out.push(0xa0 | 4, ...[10, 0, 0, 1].map((byte) => byte ^ rng.below(32)));
    else wildValue(rng, out, 0);
  }
  return Uint8Array.from(out);
}

/** The header of a map or an array, in any of its three widths. */
function count(rng: Rng, out: number[], values: number, fix: number, wide: number): void {
  const form = rng.below(4);
  if (form >= 2) out.push(fix | values);
  else if (form === 1) out.push(wide, 0, values);
  else out.push(wide + 1, 0, 0, 0, values);
}

function wildValue(rng: Rng, out: number[], depth: number): void {
  const inner = depth > 4 ? 0 : rng.below(4);
  const values = (n: number) => {
    for (let i = 0; i < n; i++) wildValue(rng, out, depth + 1);
  };
  switch (rng.below(7)) {
    case 0:
      count(rng, out, inner, 0x80, 0xde);
      return values(2 * inner);
    case 1:
      count(rng, out, inner, 0x90, 0xdc);
      return values(inner);
    case 2: {
      // Of the raw, str, bin and ext families: an honest length, or a huge one.
      const [tag, width] = LENGTHS[rng.below(LENGTHS.length)] as readonly [number, number];
      const length = rng.below(30);
      const honest = rng.chance(0.8);
      out.push(tag);
      for (let i = width; i > 0; i--) out.push(honest ? i === 1 ? length : 0 : rng.below(256));
      // The kind of an extension is one more byte.
      if (tag >= 0xc7 && tag <= 0xc9) out.push(1);
      // Now and then a few bytes less than announced: at the end of the input that is a cut.
      const there = rng.chance(0.8) ? length : rng.below(length + 1);
      return void out.push(...Array.from({ length: there }, () => rng.below(128)));
    }
    case 3: {
      // An array or map that promises what is not there.
      out.push(0xdc + rng.below(4), ...[0xff, 0xff, 0xff, 0xff].slice(rng.below(4)));
      return values(inner);
    }
    case 4: {
      const width = rng.below(4);
      out.push((rng.chance(0.5) ? 0xcc : 0xd0) + width);
      for (let i = 1 << width; i > 0; i--) out.push(rng.chance(0.5) ? 0 : rng.below(256));
      return;
    }
    default:
      out.push(INTERESTING[rng.below(INTERESTING.length)] as number);
  }
}

/** Tags with a length, and how many bytes it has. */
const LENGTHS = [
  ...[[0xc4, 1], [0xc5, 2], [0xc6, 4], [0xc7, 1], [0xc8, 2], [0xc9, 4]],
  ...[[0xd9, 1], [0xda, 2], [0xdb, 4]],
] as const;

/** Deeper than anybody nests: compounds in compounds, or arrays in an unknown field. */
function deep(rng: Rng): Uint8Array {
  const depth = rng.below(3000);
  if (rng.chance(0.5)) {
    return Uint8Array.of(0, 0x81, 0xa1, 0x5a, ...new Uint8Array(depth).fill(0x91), 0xc0);
  }
  const message = encodeMessage({ type: "nack", seqNo: 1 });
  const out = new Uint8Array(4 * depth + message.length);
  for (let i = 0; i < depth; i++) {
    const rest = out.length - 4 * (i + 1);
    out.set([7, 1, rest >> 8, rest & 255], 4 * i);
  }
  out.set(message, 4 * depth);
  return out;
}

/** More messages than anybody sends: compounds of compounds of the smallest message there is. */
function crowded(rng: Rng): Uint8Array {
  const few = encodeCompound(new Array(1 + rng.below(255)).fill(Uint8Array.of(8)), new Blocks());
  return compressAlways(encodeCompound(new Array(1 + rng.below(60)).fill(few), new Blocks()));
}

/** Breaks `bytes` in one to four places. */
export function mutated(rng: Rng, bytes: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
  let out = Array.from(bytes.subarray(0, 8192));
  for (let i = 1 + rng.below(4); i > 0; i--) {
    const at = rng.below(out.length + 1);
    switch (rng.below(8)) {
      case 0:
        out[at] = (out[at] ?? 0) ^ (1 << rng.below(8));
        break;
      case 1:
        out[at] = INTERESTING[rng.below(INTERESTING.length)] as number;
        break;
      case 2:
        out.splice(at, rng.below(8));
        break;
      case 3:
        out.splice(at, 0, ...noise(rng, 8));
        break;
      case 4:
        out = out.slice(0, at);
        break;
      case 5:
        out.splice(at, 0, ...out.slice(at, at + rng.below(32)));
        break;
      case 6: {
        const other = corpus[rng.below(corpus.length)] ?? bytes;
        const from = rng.below(other.length);
        out.splice(at, rng.below(16), ...other.subarray(from, from + rng.below(64)));
        break;
      }
      default:
        for (let k = 1 + rng.below(4); k > 0; k--) out[at + k - 1] = 0xff;
    }
  }
  return Uint8Array.from(out, (byte) => byte ?? 0);
}

/** What stands inside the outer layers of a packet: valid, broken or noise, at times nested and compressed. */
export function packetBody(rng: Rng, corpus: readonly Uint8Array[], depth = 0): Uint8Array {
  const choice = rng.below(depth > 3 ? 4 : 8);
  let body: Uint8Array;
  if (choice <= 1) body = encodeMessage(packetMessage(rng));
  else if (choice === 2) body = wildStruct(rng, rng.below(14));
  else if (choice === 3) body = rng.chance(0.5) ? noise(rng, 64) : corpusEntry(rng, corpus);
  else if (choice <= 5) {
    const parts = Array.from(
      { length: 1 + rng.below(4) },
      () => packetBody(rng, corpus, depth + 1),
    );
    body = encodeCompound(parts.map((part) => part.subarray(0, 65_535)), new Blocks());
  } else if (choice === 6) body = compressAlways(packetBody(rng, corpus, depth + 1));
  else if (rng.chance(0.1)) body = deep(rng);
  else if (rng.chance(0.05)) body = crowded(rng);
  else body = compressAlways(new Uint8Array(rng.below(20_000)).fill(rng.below(14)));
  return rng.chance(0.3) ? mutated(rng, body, corpus) : body;
}

/** What stands inside the outer layers of a stream. */
export function streamBody(rng: Rng, corpus: readonly Uint8Array[]): Uint8Array {
  const choice = rng.below(6);
  let body: Uint8Array;
  if (choice <= 2) body = encodeStreamMessage(streamMessage(rng));
  else if (choice === 3) body = wildStruct(rng, rng.below(14));
  else if (choice === 4) body = rng.chance(0.3) ? noise(rng, 64) : corpusEntry(rng, corpus);
  else body = Uint8Array.of(6, 0x80, ...wildStruct(rng, 6).subarray(1));
  if (rng.chance(0.3)) body = mutated(rng, body, corpus);
  if (rng.chance(0.3)) body = compressAlways(body);
  return rng.chance(0.2) ? mutated(rng, body, corpus) : body;
}

function corpusEntry(rng: Rng, corpus: readonly Uint8Array[]): Uint8Array {
  return corpus[rng.below(corpus.length)] ?? new Uint8Array(0);
}
