/**
 * Messages to bytes, byte for byte as Go writes them (memberlist.md 1.8 to 1.10).
 *
 * @module
 */

import { MessageType } from "./messages.ts";
import type {
  Ack,
  Alive,
  Dead,
  IndirectPing,
  PacketMessage,
  Ping,
  PushPull,
  PushPullNode,
  StreamMessage,
  Suspect,
} from "./messages.ts";
import { MsgpackWriter } from "./msgpack_writer.ts";
import {
  ACCUSATION,
  ACK,
  ALIVE,
  ERR,
  INDIRECT_PING,
  NACK,
  PING,
  PUSH_PULL_HEADER,
  PUSH_PULL_NODE,
  USER_HEADER,
} from "./shapes.ts";

/** Empty between calls, which are synchronous. */
const writer: MsgpackWriter = new MsgpackWriter();

/** A message as it stands in a packet, type byte first. Throws `TypeError` for names that are not well-formed text. */
export function encodeMessage(message: PacketMessage): Uint8Array {
  writer.reset();
  switch (message.type) {
    case "ping":
      writePing(message);
      break;
    case "indirectPing":
      writeIndirectPing(message);
      break;
    case "ack":
      writeAck(message);
      break;
    case "nack":
      writer.byte(MessageType.nack);
      writer.struct(1);
      writer.key(NACK, 0);
      writer.unsigned(message.seqNo);
      break;
    case "suspect":
    case "dead":
      writeAccusation(message);
      break;
    case "alive":
      writeAlive(message);
      break;
    case "user":
      writer.byte(MessageType.user);
      writer.append(message.payload);
      break;
  }
  return writer.take();
}

/** A message as it stands on a stream, type byte first. Throws like {@linkcode encodeMessage}. */
export function encodeStreamMessage(message: StreamMessage): Uint8Array {
  writer.reset();
  switch (message.type) {
    case "ping":
      writePing(message);
      break;
    case "ack":
      writeAck(message);
      break;
    case "pushPull":
      writePushPull(message);
      break;
    case "user":
      writeUserHeader(message.payload.length);
      writer.append(message.payload);
      break;
    case "err":
      writer.byte(MessageType.err);
      writer.struct(1);
      writer.key(ERR, 0);
      writer.text(message.error);
      break;
  }
  return writer.take();
}

/** Type byte and header of a user message of `length` bytes on a stream; the payload follows it raw. */
export function encodeUserHeader(length: number): Uint8Array {
  writer.reset();
  writeUserHeader(length);
  return writer.take();
}

/** Type byte and header of a push/pull; the rows and the user state follow it. */
export function encodePushPullHeader(join: boolean, nodes: number, stateBytes: number): Uint8Array {
  writer.reset();
  writePushPullHeader(join, nodes, stateBytes);
  return writer.take();
}

/** One row of a push/pull; it has no type byte. */
export function encodePushPullNode(node: PushPullNode): Uint8Array {
  writer.reset();
  writePushPullNode(node);
  return writer.take();
}

/** How often `sourceAddr`, `sourceNode` and `sourcePort` stand on the wire: Go omits each one that is zero. */
function sourceFields(message: Ping | IndirectPing): number {
  return (message.sourceAddr !== undefined && message.sourceAddr.length > 0 ? 1 : 0) +
    (message.sourceNode ? 1 : 0) + (message.sourcePort ? 1 : 0);
}

function writeSource(message: Ping | IndirectPing, shape: typeof PING, first: number): void {
  if (message.sourceAddr !== undefined && message.sourceAddr.length > 0) {
    writer.key(shape, first);
    writer.bytes(message.sourceAddr);
  }
  if (message.sourceNode) {
    writer.key(shape, first + 1);
    writer.text(message.sourceNode);
  }
  if (message.sourcePort) {
    writer.key(shape, first + 2);
    writer.unsigned(message.sourcePort);
  }
}

function writePing(message: Ping): void {
  writer.byte(MessageType.ping);
  writer.struct(2 + sourceFields(message));
  writer.key(PING, 0);
  writer.text(message.node);
  writer.key(PING, 1);
  writer.unsigned(message.seqNo);
  writeSource(message, PING, 2);
}

function writeIndirectPing(message: IndirectPing): void {
  writer.byte(MessageType.indirectPing);
  writer.struct(5 + sourceFields(message));
  writer.key(INDIRECT_PING, 0);
  writer.bool(message.nack);
  writer.key(INDIRECT_PING, 1);
  writer.text(message.node);
  writer.key(INDIRECT_PING, 2);
  writer.unsigned(message.port);
  writer.key(INDIRECT_PING, 3);
  writer.unsigned(message.seqNo);
  writeSource(message, INDIRECT_PING, 4);
  writer.key(INDIRECT_PING, 7);
  writer.bytes(message.target);
}

function writeAck(message: Ack): void {
  writer.byte(MessageType.ack);
  writer.struct(2);
  writer.key(ACK, 0);
  writer.bytes(message.payload);
  writer.key(ACK, 1);
  writer.unsigned(message.seqNo);
}

function writeAccusation(message: Suspect | Dead): void {
  writer.byte(message.type === "dead" ? MessageType.dead : MessageType.suspect);
  writer.struct(3);
  writer.key(ACCUSATION, 0);
  writer.text(message.from);
  writer.key(ACCUSATION, 1);
  writer.unsigned(message.incarnation);
  writer.key(ACCUSATION, 2);
  writer.text(message.node);
}

function writeAlive(message: Alive): void {
  writer.byte(MessageType.alive);
  writer.struct(6);
  writer.key(ALIVE, 0);
  writer.bytes(message.addr);
  writer.key(ALIVE, 1);
  writer.unsigned(message.incarnation);
  writer.key(ALIVE, 2);
  writer.bytes(message.meta);
  writer.key(ALIVE, 3);
  writer.text(message.node);
  writer.key(ALIVE, 4);
  writer.unsigned(message.port);
  writer.key(ALIVE, 5);
  writer.bytes(message.vsn);
}

function writePushPull(message: PushPull): void {
  writePushPullHeader(message.join, message.nodes.length, message.userState.length);
  for (const node of message.nodes) writePushPullNode(node);
  writer.append(message.userState);
}

function writePushPullHeader(join: boolean, nodes: number, stateBytes: number): void {
  writer.byte(MessageType.pushPull);
  writer.struct(3);
  writer.key(PUSH_PULL_HEADER, 0);
  writer.bool(join);
  writer.key(PUSH_PULL_HEADER, 1);
  writer.int(nodes);
  writer.key(PUSH_PULL_HEADER, 2);
  writer.int(stateBytes);
}

function writePushPullNode(node: PushPullNode): void {
  writer.struct(7);
  writer.key(PUSH_PULL_NODE, 0);
  writer.bytes(node.addr);
  writer.key(PUSH_PULL_NODE, 1);
  writer.unsigned(node.incarnation);
  writer.key(PUSH_PULL_NODE, 2);
  writer.bytes(node.meta);
  writer.key(PUSH_PULL_NODE, 3);
  writer.text(node.name);
  writer.key(PUSH_PULL_NODE, 4);
  writer.unsigned(node.port);
  writer.key(PUSH_PULL_NODE, 5);
  writer.int(node.state);
  writer.key(PUSH_PULL_NODE, 6);
  writer.bytes(node.vsn);
}

function writeUserHeader(length: number): void {
  writer.byte(MessageType.user);
  writer.struct(1);
  writer.key(USER_HEADER, 0);
  writer.int(length);
}
