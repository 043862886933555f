/**
 * What a cell says, as bytes: a version byte, then whole numbers in base 128, low digits first.
 *
 * @module
 */

import { SUB_WINDOWS } from "./windows.ts";

/** One word of a writer about its column. */
export interface CellWord {
  /** Counts the writer's words about this cell from 1. */
  readonly word: number;
  /** Everything ever added in this cell, in micro-units: more than `added` once sub-windows have passed. */
  readonly total: number;
  /** How much more the writer may add to `total` before all others know a later word. */
  readonly burst: number;
  /** What its callers ask for, in micro-units per second. */
  readonly rate: number;
  /** Sub-windows with something in them, oldest first; a single one, numbered 0, unless the limit is rolling. */
  readonly parts: readonly CellPart[];
}

/** Two numbers that only grow. */
export interface CellPart {
  /** Number of the sub-window since the epoch. */
  readonly index: number;
  readonly added: number;
  readonly removed: number;
}

const FORMAT = 1;

/** Parts in one cell: the whole sub-windows, the current one, and two for clocks that are ahead. */
export const PARTS_MAX: number = SUB_WINDOWS + 3;

const NUMBER_BYTES_MAX = 8;

/** Largest encoded cell. */
export const CELL_BYTES_MAX: number = 1 + NUMBER_BYTES_MAX * (5 + 3 * PARTS_MAX);

const scratch = new Uint8Array(CELL_BYTES_MAX);

/** Encodes a word; parts must be in order and within {@linkcode PARTS_MAX}. */
export function encodeCell(word: CellWord): Uint8Array {
  scratch[0] = FORMAT;
  let at = put(1, word.word);
  at = put(at, word.total);
  at = put(at, word.burst);
  at = put(at, word.rate);
  at = put(at, word.parts.length);
  let previous = 0;
  for (const part of word.parts) {
    at = put(at, part.index - previous);
    at = put(at, part.added);
    at = put(at, part.removed);
    previous = part.index;
  }
  return scratch.slice(0, at);
}

/** Reads a word; `undefined` when the bytes are none, or say what no writer says. */
export function decodeCell(bytes: Uint8Array): CellWord | undefined {
  if (bytes.length > CELL_BYTES_MAX || bytes[0] !== FORMAT) return undefined;
  const reader = new NumberReader(bytes);
  const word = reader.next();
  const total = reader.next();
  const burst = reader.next();
  const rate = reader.next();
  const count = reader.next();
  if (word < 1 || count > PARTS_MAX) return undefined;
  const parts: CellPart[] = [];
  let index = 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const gap = reader.next();
    const added = reader.next();
    const removed = reader.next();
    if (removed > added || (i > 0 && gap === 0)) return undefined;
    index += gap;
    sum += added;
    parts.push({ index, added, removed });
  }
  if (!reader.isDone || sum > total || !Number.isSafeInteger(index)) return undefined;
  return Number.isSafeInteger(total + burst) ? { word, total, burst, rate, parts } : undefined;
}

function put(at: number, value: number): number {
  while (value >= 128) {
    scratch[at++] = (value % 128) | 128;
    value = Math.floor(value / 128);
  }
  scratch[at++] = value;
  return at;
}

/** Reads numbers until one is bad; from then on all are 0 and it is never done. */
class NumberReader {
  readonly #bytes: Uint8Array;
  #at = 1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether exactly all bytes were read. */
  get isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  next(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < NUMBER_BYTES_MAX; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value += (byte & 127) * scale;
      if (byte < 128) return Number.isSafeInteger(value) ? value : this.#fail();
      scale *= 128;
    }
    return this.#fail();
  }

  #fail(): number {
    this.#at = Infinity;
    return 0;
  }
}
