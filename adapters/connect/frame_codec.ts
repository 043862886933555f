/**
 * Frames as the messages of each direction.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { ClusterError, type LinkFrame } from "../../mod.ts";
import {
  type ExchangeRequest,
  ExchangeRequestSchema,
  type ExchangeResponse,
  ExchangeResponseSchema,
} from "../../proto/gen/cluster/v1/link_pb.ts";

/** Tag and length of one entry in a batch take at most this much. */
const ENTRY_OVERHEAD_BYTES = 6;
const FRAME_OVERHEAD_BYTES = 32;

/** The dialler's frame as a message. Throws `TypeError` for the wrong direction, `ClusterError` `too-large`. */
export function encodeRequest(frame: LinkFrame, bytesMax: number): ExchangeRequest {
  const init = frame.frame;
  if (init.case === "welcome" || init.case === "ack") throw wrongWay(init.case, "dialler");
  // The generated types want writable arrays; nothing writes to them.
  const message = create(ExchangeRequestSchema, { frame: init } as ExchangeRequest);
  checkSize(frame, bytesMax, () => toBinary(ExchangeRequestSchema, message));
  return message;
}

/** The acceptor's frame as a message; throws as {@linkcode encodeRequest} does. */
export function encodeResponse(frame: LinkFrame, bytesMax: number): ExchangeResponse {
  const init = frame.frame;
  if (init.case === "hello" || init.case === "batch") throw wrongWay(init.case, "acceptor");
  const message = create(ExchangeResponseSchema, { frame: init } as ExchangeResponse);
  checkSize(frame, bytesMax, () => toBinary(ExchangeResponseSchema, message));
  return message;
}

function wrongWay(kind: string, side: string): TypeError {
  return new TypeError(`Cannot send a frame "${kind}": the ${side} of a link sends none`);
}

/** Adds up a batch, which may be large and frequent; encodes the others, which are small or rare. */
function checkSize({ frame }: LinkFrame, bytesMax: number, encoded: () => Uint8Array): void {
  let bytes = 0;
  if (frame.case === "batch") {
    for (const entry of frame.value.entries) bytes += entry.length + ENTRY_OVERHEAD_BYTES;
    bytes += FRAME_OVERHEAD_BYTES;
  } else if (frame.case !== undefined && frame.case !== "ack") {
    bytes = encoded().length;
  }
  if (bytes <= bytesMax) return;
  throw new ClusterError(
    "too-large",
    `Cannot send a frame "${frame.case}" of ${bytes} bytes: the limit is ${bytesMax}, send less at once`,
  );
}
