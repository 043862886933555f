/**
 * The structs that stand around or beside messages: what a push/pull and a user stream consist of, and the body of a
 * compress message. Nothing is checked here but types.
 *
 * @module
 */

import { NO_BYTES } from "./copy_bytes.ts";
import { U16_MAX, U32_MAX } from "./decode.ts";
import type { PushPullNode } from "./messages.ts";
import type { MsgpackReader } from "./msgpack_reader.ts";
import { COMPRESS, PUSH_PULL_HEADER, PUSH_PULL_NODE, USER_HEADER } from "./shapes.ts";

const U8_MAX = 255;

/** The header of a push/pull as it was sent: nothing is checked yet. */
export interface PushPullHeader {
  readonly join: boolean;
  readonly nodes: number;
  readonly userStateBytes: number;
}

/** The body of a compress message. */
export interface CompressBody {
  /** 0 is LZW, the only one there is. */
  readonly algo: number;
  readonly buf: Uint8Array;
}

/** Reads one row of a push/pull. */
export function readPushPullNode(reader: MsgpackReader): PushPullNode {
  let name = "";
  let addr: Uint8Array | null = NO_BYTES;
  let port = 0;
  let meta: Uint8Array | null = null;
  let incarnation = 0;
  let state = 0;
  let vsn: Uint8Array | null = null;
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    switch (reader.field(PUSH_PULL_NODE, entry)) {
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
        name = reader.text();
        break;
      case 4:
        port = reader.unsigned(U16_MAX);
        break;
      case 5:
        state = reader.int();
        break;
      case 6:
        vsn = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  return { name, addr: addr ?? NO_BYTES, port, meta, incarnation, state, vsn };
}

/** Reads the header of a push/pull. */
export function readPushPullHeader(reader: MsgpackReader): PushPullHeader {
  let join = false;
  let nodes = 0;
  let userStateBytes = 0;
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    switch (reader.field(PUSH_PULL_HEADER, entry)) {
      case 0:
        join = reader.bool();
        break;
      case 1:
        nodes = reader.int();
        break;
      case 2:
        userStateBytes = reader.int();
        break;
      default:
        reader.skip();
    }
  }
  return { join, nodes, userStateBytes };
}

/** Reads the header of a user message on a stream: the length of what follows, unchecked. */
export function readUserHeader(reader: MsgpackReader): number {
  let length = 0;
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    if (reader.field(USER_HEADER, entry) === 0) length = reader.int();
    else reader.skip();
  }
  return length;
}

/** Reads the body of a compress message; `buf` is a view. */
export function readCompress(reader: MsgpackReader): CompressBody {
  let algo = 0;
  let buf: Uint8Array | null = NO_BYTES;
  const entries = reader.struct();
  for (let entry = 0; entry < entries && reader.failure === undefined; entry++) {
    switch (reader.field(COMPRESS, entry)) {
      case 0:
        algo = reader.unsigned(U8_MAX);
        break;
      case 1:
        buf = reader.view();
        break;
      default:
        reader.skip();
    }
  }
  return { algo, buf: buf ?? NO_BYTES };
}
