/**
 * Our messages as the vectors show them: Go's field names, bytes as hex, nil as null.
 *
 * @module
 */

import type { CompressBody, PushPullHeader } from "../../src/core/wire/decode_parts.ts";
import type { PacketMessage, PushPullNode, StreamMessage } from "../../src/core/wire/messages.ts";

/** What JSON holds. */
export type Fields = { readonly [name: string]: unknown };

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Reads hex; throws for anything else. */
export function fromHex(hex: unknown): Uint8Array {
  if (typeof hex !== "string" || !/^([0-9a-f]{2})*$/.test(hex)) {
    throw new Error(`Cannot read hex: ${JSON.stringify(hex)}`);
  }
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** One text for equal values, whatever the order of keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, inner: unknown) =>
      inner !== null && typeof inner === "object" && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => a < b ? -1 : 1))
        : inner,
  ) ?? "undefined";
}

function nullable(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : toHex(bytes);
}

/** A message as a vector shows it. */
export function toFields(message: PacketMessage | StreamMessage): Fields {
  switch (message.type) {
    case "ping":
    case "indirectPing": {
      const source = message.sourceAddr === undefined ? {} : {
        SourceAddr: toHex(message.sourceAddr),
        SourceNode: message.sourceNode,
        SourcePort: message.sourcePort,
      };
      const asked = message.type === "ping"
        ? {}
        : { Nack: message.nack, Port: message.port, Target: toHex(message.target) };
      return { type: message.type, Node: message.node, SeqNo: message.seqNo, ...asked, ...source };
    }
    case "ack":
      return { type: "ack", Payload: nullable(message.payload), SeqNo: message.seqNo };
    case "nack":
      return { type: "nack", SeqNo: message.seqNo };
    case "suspect":
    case "dead":
      return {
        type: message.type,
        From: message.from,
        Incarnation: message.incarnation,
        Node: message.node,
      };
    case "alive":
      return {
        type: "alive",
        Addr: toHex(message.addr),
        Incarnation: message.incarnation,
        Meta: nullable(message.meta),
        Node: message.node,
        Port: message.port,
        Vsn: nullable(message.vsn),
      };
    case "user":
      return { type: "user", payload: toHex(message.payload) };
    case "err":
      return { type: "err", Error: message.error };
    case "pushPull":
      return {
        type: "pushPull",
        header: {
          Join: message.join,
          Nodes: message.nodes.length,
          UserStateLen: message.userState.length,
        },
        nodes: message.nodes.map(nodeToFields),
        userState: toHex(message.userState),
      };
  }
}

/** A row of a push/pull as a vector shows it. */
export function nodeToFields(node: PushPullNode): Fields {
  return {
    Addr: toHex(node.addr),
    Incarnation: node.incarnation,
    Meta: nullable(node.meta),
    Name: node.name,
    Port: node.port,
    State: node.state,
    Vsn: nullable(node.vsn),
  };
}

/** A push/pull header as a vector shows it. */
export function headerToFields(header: PushPullHeader): Fields {
  return { Join: header.join, Nodes: header.nodes, UserStateLen: header.userStateBytes };
}

/** The body of a compress message as a vector shows it. */
export function compressToFields(body: CompressBody): Fields {
  return { Algo: body.algo, Buf: toHex(body.buf) };
}

/** A packet message from a vector; throws for a type or field it does not know. */
export function fromFields(fields: Fields): PacketMessage {
  const text = (name: string) => expected<string>(fields, name, "string");
  const count = (name: string) => expected<number>(fields, name, "number");
  const bytes = (name: string) => fromHex(fields[name]);
  const maybe = (name: string) => fields[name] === null ? null : fromHex(fields[name]);
  const source = fields["SourceAddr"] === undefined ? {} : {
    sourceAddr: bytes("SourceAddr"),
    sourceNode: text("SourceNode"),
    sourcePort: count("SourcePort"),
  };
  switch (fields["type"]) {
    case "ping":
      return { type: "ping", node: text("Node"), seqNo: count("SeqNo"), ...source };
    case "indirectPing":
      return {
        type: "indirectPing",
        nack: expected<boolean>(fields, "Nack", "boolean"),
        node: text("Node"),
        port: count("Port"),
        seqNo: count("SeqNo"),
        target: bytes("Target"),
        ...source,
      };
    case "ack":
      return { type: "ack", payload: maybe("Payload"), seqNo: count("SeqNo") };
    case "nack":
      return { type: "nack", seqNo: count("SeqNo") };
    case "suspect":
    case "dead":
      return {
        type: fields["type"],
        from: text("From"),
        incarnation: count("Incarnation"),
        node: text("Node"),
      };
    case "alive":
      return {
        type: "alive",
        addr: bytes("Addr"),
        incarnation: count("Incarnation"),
        meta: maybe("Meta"),
        node: text("Node"),
        port: count("Port"),
        vsn: maybe("Vsn"),
      };
    case "user":
      return { type: "user", payload: bytes("payload") };
    default:
      throw new Error(`Cannot build a message: type "${fields["type"]}" is not one of a packet`);
  }
}

/** A row of a push/pull from a vector. */
export function nodeFromFields(fields: Fields): PushPullNode {
  return {
    addr: fromHex(fields["Addr"]),
    incarnation: expected<number>(fields, "Incarnation", "number"),
    meta: fields["Meta"] === null ? null : fromHex(fields["Meta"]),
    name: expected<string>(fields, "Name", "string"),
    port: expected<number>(fields, "Port", "number"),
    state: expected<number>(fields, "State", "number"),
    vsn: fields["Vsn"] === null ? null : fromHex(fields["Vsn"]),
  };
}

/** A stream message from a vector. */
export function streamFromFields(fields: Fields): StreamMessage {
  switch (fields["type"]) {
    case "err":
      return { type: "err", error: expected<string>(fields, "Error", "string") };
    case "pushPull": {
      const header = fields["header"] as Fields;
      return {
        type: "pushPull",
        join: expected<boolean>(header, "Join", "boolean"),
        nodes: (fields["nodes"] as Fields[]).map(nodeFromFields),
        userState: fromHex(fields["userState"]),
      };
    }
    default:
      return fromFields(fields) as StreamMessage;
  }
}

function expected<T>(fields: Fields, name: string, type: string): T {
  const value = fields[name];
  const kind: string = typeof value;
  if (kind !== type) {
    throw new Error(`Cannot read field "${name}": it is ${JSON.stringify(value)}, not a ${type}`);
  }
  return value as T;
}
