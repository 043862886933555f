/**
 * Large values in pieces, so that they hold up neither their lane nor the others (`docs/protocol.md`, batches).
 *
 * @module
 */

import { ENTRY_OVERHEAD_BYTES_MAX, type StoredEntry } from "./entry.ts";
import type { Chunk } from "./frames.ts";
import { LANES } from "./lanes.ts";

/** Says in a greeting that chunks are taken; others get large entries whole. */
export const CHUNKS_CAPABILITY = "chunk:v1";

/** An encoded entry above this travels in chunks. */
export const LARGE_BYTES = 262_144;

/** The snapshot's own row of chunks; the lanes have theirs by number. */
export const SNAPSHOT_ROW: number = LANES;

/** One large entry under way, piece by piece; another version of it does not change what is under way. */
export class Transfer {
  readonly entry: StoredEntry;
  readonly #row: number;
  #offset = 0;

  /** `row` is the lane, or {@linkcode SNAPSHOT_ROW}: one entry at a time in each. */
  constructor(entry: StoredEntry, row: number) {
    this.entry = entry;
    this.#row = row;
  }

  /** Bytes still to be sent. */
  get left(): number {
    return this.entry.bytes.length - this.#offset;
  }

  /** The next piece. */
  next(bytesMax: number): Chunk {
    const { bytes } = this.entry;
    const offset = this.#offset;
    this.#offset = Math.min(bytes.length, offset + bytesMax);
    return {
      row: this.#row,
      offset,
      total: bytes.length,
      bytes: bytes.subarray(offset, this.#offset),
    };
  }
}

interface Partial {
  readonly total: number;
  readonly pieces: Uint8Array[];
  received: number;
}

/** Puts the pieces of one stream together: at most one entry per row, none above the limit. */
export class Reassembly {
  readonly #totalMax: number;
  readonly #rows: Map<number, Partial> = new Map();

  constructor(valueBytesMax: number) {
    this.#totalMax = valueBytesMax + ENTRY_OVERHEAD_BYTES_MAX;
  }

  /** Bytes held of entries that are not complete. */
  get bytes(): number {
    let bytes = 0;
    for (const { received } of this.#rows.values()) bytes += received;
    return bytes;
  }

  /** Takes a piece; answers the entry it completes, or why the link has to be closed. Offset 0 begins anew. */
  add({ row, offset, total, bytes }: Chunk): Uint8Array | string | undefined {
    if (row > SNAPSHOT_ROW || total > this.#totalMax || bytes.length === 0) {
      return "its chunk is out of bounds";
    }
    let partial = this.#rows.get(row);
    if (offset === 0) {
      partial = { total, pieces: [], received: 0 };
      this.#rows.set(row, partial);
    }
    if (partial === undefined || partial.total !== total || partial.received !== offset) {
      return "its chunk does not continue the one before";
    }
    partial.pieces.push(bytes);
    partial.received += bytes.length;
    if (partial.received < total) return undefined;
    this.#rows.delete(row);
    return partial.received === total ? joined(partial) : "its chunk is out of bounds";
  }
}

function joined({ total, pieces }: Partial): Uint8Array {
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
