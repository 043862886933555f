/**
 * Link frames to bytes and back, for networks that are not gRPC (the simulator's): the same messages as on the wire.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ExchangeRequest,
  ExchangeRequestSchema,
  type ExchangeResponse,
  ExchangeResponseSchema,
} from "../../proto/gen/cluster/v1/link_pb.ts";
import type { LinkFrame } from "../core/replication/frames.ts";

/** Which end of the link wrote a frame. */
export type LinkEnd = "dialler" | "acceptor";

/** Encodes a frame; throws `TypeError` for a frame that this end never sends. */
export function encodeLinkFrame({ frame }: LinkFrame, from: LinkEnd): Uint8Array {
  const isRequest = frame.case === "hello" || frame.case === "batch";
  const isResponse = frame.case === "welcome" || frame.case === "ack";
  if ((from === "dialler" && isResponse) || (from === "acceptor" && isRequest)) {
    throw new TypeError(`Cannot encode a "${frame.case}": the ${from} of a link never sends it`);
  }
  return from === "dialler"
    ? toBinary(
      ExchangeRequestSchema,
      create(ExchangeRequestSchema, { frame: frame as ExchangeRequest["frame"] }),
    )
    : toBinary(
      ExchangeResponseSchema,
      create(ExchangeResponseSchema, { frame: frame as ExchangeResponse["frame"] }),
    );
}

/** Decodes a frame; `undefined` when the bytes are none. */
export function decodeLinkFrame(bytes: Uint8Array, from: LinkEnd): LinkFrame | undefined {
  try {
    return from === "dialler"
      ? fromBinary(ExchangeRequestSchema, bytes)
      : fromBinary(ExchangeResponseSchema, bytes);
  } catch {
    return undefined;
  }
}
