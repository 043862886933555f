/**
 * Bytes of any size up to a bound over messages that are smaller: cut in pieces, put together again.
 *
 * @module
 */

import { PAYLOAD_BYTES_MAX } from "../../core/replication/messages.ts";

/** Number of the parcel, index of the piece, how many there are. */
const HEAD_BYTES = 8;
const PIECE_BYTES = PAYLOAD_BYTES_MAX - HEAD_BYTES;

/** Pieces of one parcel; a link has room for twice as many. */
const PIECES_MAX = 128;

/** Largest parcel. */
export const PARCEL_BYTES_MAX: number = PIECES_MAX * PIECE_BYTES;

/** Cuts parcel `number`; `undefined` when it is too large. */
export function cutParcel(number: number, bytes: Uint8Array): Uint8Array[] | undefined {
  const count = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES));
  if (count > PIECES_MAX) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const part = bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES);
    const piece = new Uint8Array(HEAD_BYTES + part.length);
    const head = new DataView(piece.buffer);
    head.setUint32(0, number);
    head.setUint16(4, index);
    head.setUint16(6, count);
    piece.set(part, HEAD_BYTES);
    return piece;
  });
}

/** Puts together the parcels of one peer. Pieces come in order; of a parcel that lacks one nothing is kept. */
export class ParcelReader {
  #number = -1;
  #pieces: Uint8Array[] = [];

  /** Takes a piece; answers the whole parcel when it was the last one. */
  add(piece: Uint8Array): Uint8Array | undefined {
    if (piece.length < HEAD_BYTES) return undefined;
    const head = new DataView(piece.buffer, piece.byteOffset, piece.length);
    const number = head.getUint32(0);
    const index = head.getUint16(4);
    const count = head.getUint16(6);
    const part = piece.subarray(HEAD_BYTES);
    if (count < 1 || count > PIECES_MAX || index >= count) return undefined;
    if (count === 1) return part;
    if (index === 0) {
      this.#number = number;
      this.#pieces = [];
    } else if (number !== this.#number || index !== this.#pieces.length) {
      this.#pieces = [];
      this.#number = -1;
      return undefined;
    }
    this.#pieces.push(part);
    if (this.#pieces.length < count) return undefined;
    const whole = joined(this.#pieces);
    this.#pieces = [];
    this.#number = -1;
    return whole;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
