/**
 * Bytes to messages, as lenient as Go (memberlist.md 1.9), but for names that are not UTF-8.
 *
 * @module
 */

import type { DropReason } from "./contract.ts";
import { MessageType } from "./messages.ts";
import type {
  Ack,
  Alive,
  Dead,
  Err,
  IndirectPing,
  Nack,
  PacketMessage,
  Ping,
  Suspect,
} from "./messages.ts";
import { NO_BYTES } from "./copy_bytes.ts";
import { MsgpackReader } from "./msgpack_reader.ts";
import { plainBytes } from "./plain_bytes.ts";
import { ACCUSATION, ACK, ALIVE, ERR, INDIRECT_PING, NACK, PING } from "./shapes.ts";

/** Largest values of Go's unsigned fields. */
export const U16_MAX = 65_535;
export const U32_MAX = 4_294_967_295;

/** Empty between calls, which are synchronous. */
const shared: MsgpackReader = new MsgpackReader();

/**
 * Decodes one message of a packet, type byte first, or says why not. Byte fields are copies: the packet's bytes may
 * be reused. Takes only the types that carry a message; layers (compound, compress, CRC) are `unknown-type` here.
 */
export function decodeMessage(bytes: Uint8Array): PacketMessage | DropReason {
  return decodeMessageAt(plainBytes(bytes), 0, bytes.length);
}

/** Like {@linkcode decodeMessage}, on `bytes[start, end)`, which must not be Node's `Buffer`. */
export function decodeMessageAt(
  bytes: Uint8Array,
  start: number,
  end: number,
): PacketMessage | DropReason {
  if (start >= end) return "empty";
  const type = bytes[start];
  if (type === MessageType.user) {
    return { type: "user", payload: bytes.slice(start + 1, end) };
  }
  shared.reset(bytes, start + 1, end);
  const message = readMessage(shared, type as number);
  const failed = shared.failure !== undefined;
  shared.release();
  if (message === undefined) return "unknown-type";
  return failed ? "malformed" : message;
}

function readMessage(reader: MsgpackReader, type: number): PacketMessage | undefined {
  switch (type) {
    case MessageType.ping:
      return readPing(reader);
    case MessageType.indirectPing:
      return readIndirectPing(reader);
    case MessageType.ack:
      return readAck(reader);
    case MessageType.suspect:
      return readSuspect(reader);
    case MessageType.alive:
      return readAlive(reader);
    case MessageType.dead:
      return readDead(reader);
    case MessageType.nack:
      return readNack(reader);
    default:
      return undefined;
  }
}

/** Reads the body of a ping; look at `reader.failure` before believing any of these. */
export function readPing(reader: MsgpackReader): Ping {
  let seqNo = 0;
  let node = "";
  let sourceAddr: Uint8Array | null | undefined;
  let sourceNode = "";
  let sourcePort = 0;
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    switch (reader.field(PING, entry)) {
      case 0:
        node = reader.text();
        break;
      case 1:
        seqNo = reader.unsigned(U32_MAX);
        break;
      case 2:
        sourceAddr = reader.bytes();
        break;
      case 3:
        sourceNode = reader.text();
        break;
      case 4:
        sourcePort = reader.unsigned(U16_MAX);
        break;
      default:
        reader.skip();
    }
  }
  if (!sourceAddr?.length && sourceNode === "" && sourcePort === 0) {
    return { type: "ping", seqNo, node };
  }
  return { type: "ping", seqNo, node, sourceAddr: sourceAddr ?? NO_BYTES, sourcePort, sourceNode };
}

/** Reads the body of an indirect ping. */
export function readIndirectPing(reader: MsgpackReader): IndirectPing {
  let seqNo = 0;
  let node = "";
  let nack = false;
  let port = 0;
  let target: Uint8Array | null = NO_BYTES;
  let sourceAddr: Uint8Array | null | undefined;
  let sourceNode = "";
  let sourcePort = 0;
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    switch (reader.field(INDIRECT_PING, entry)) {
      case 0:
        nack = reader.bool();
        break;
      case 1:
        node = reader.text();
        break;
      case 2:
        port = reader.unsigned(U16_MAX);
        break;
      case 3:
        seqNo = reader.unsigned(U32_MAX);
        break;
      case 4:
        sourceAddr = reader.bytes();
        break;
      case 5:
        sourceNode = reader.text();
        break;
      case 6:
        sourcePort = reader.unsigned(U16_MAX);
        break;
      case 7:
        target = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  const asked = {
    type: "indirectPing",
    seqNo,
    target: target ?? NO_BYTES,
    port,
    node,
    nack,
  } as const;
  if (!sourceAddr?.length && sourceNode === "" && sourcePort === 0) return asked;
  return { ...asked, sourceAddr: sourceAddr ?? NO_BYTES, sourcePort, sourceNode };
}

/** Reads the body of an ack. */
export function readAck(reader: MsgpackReader): Ack {
  let seqNo = 0;
  let payload: Uint8Array | null = null;
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    switch (reader.field(ACK, entry)) {
      case 0:
        payload = reader.bytes();
        break;
      case 1:
        seqNo = reader.unsigned(U32_MAX);
        break;
      default:
        reader.skip();
    }
  }
  return { type: "ack", seqNo, payload };
}

/** Reads the body of a nack. */
export function readNack(reader: MsgpackReader): Nack {
  let seqNo = 0;
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    if (reader.field(NACK, entry) === 0) seqNo = reader.unsigned(U32_MAX);
    else reader.skip();
  }
  return { type: "nack", seqNo };
}

/** Reads the body of an error reply. */
export function readErr(reader: MsgpackReader): Err {
  let error = "";
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    if (reader.field(ERR, entry) === 0) error = reader.text();
    else reader.skip();
  }
  return { type: "err", error };
}

/** Reads the body of a suspect message. */
export function readSuspect(reader: MsgpackReader): Suspect {
  const { incarnation, node, from } = readAccusation(reader);
  return { type: "suspect", incarnation, node, from };
}

/** Reads the body of a dead message. */
export function readDead(reader: MsgpackReader): Dead {
  const { incarnation, node, from } = readAccusation(reader);
  return { type: "dead", incarnation, node, from };
}

function readAccusation(
  reader: MsgpackReader,
): { readonly incarnation: number; readonly node: string; readonly from: string } {
  let incarnation = 0;
  let node = "";
  let from = "";
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    switch (reader.field(ACCUSATION, entry)) {
      case 0:
        from = reader.text();
        break;
      case 1:
        incarnation = reader.unsigned(U32_MAX);
        break;
      case 2:
        node = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return { incarnation, node, from };
}

/** Reads the body of an alive message. */
export function readAlive(reader: MsgpackReader): Alive {
  let incarnation = 0;
  let node = "";
  let addr: Uint8Array | null = NO_BYTES;
  let port = 0;
  let meta: Uint8Array | null = null;
  let vsn: Uint8Array | null = null;
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    switch (reader.field(ALIVE, entry)) {
      case 0:
        addr = reader.bytes();
        break;
      case 1:
        incarnation = reader.unsigned(U32_MAX);
        break;
      case 2:
        meta = reader.bytes();
        break;
      case 3:
        node = reader.text();
        break;
      case 4:
        port = reader.unsigned(U16_MAX);
        break;
      case 5:
        vsn = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  return { type: "alive", incarnation, node, addr: addr ?? NO_BYTES, port, meta, vsn };
}
