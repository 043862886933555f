/**
 * One window of one limit at this node: its counter, and the charges that wait to be confirmed.
 *
 * @module
 */

import type { Millis, WallMillis } from "../../machine.ts";
import { Counter } from "../counter.ts";
import type { ChargeRecord } from "./charges.ts";
import type { CellCopy, ChargeOp } from "./messages.ts";

/** A charge that came before the stored cells of its window were read. */
export interface ParkedCharge {
  /** Node of the caller. */
  readonly from: string;
  readonly boot: string;
  readonly op: ChargeOp;
}

/** See the module. */
export class Book {
  readonly limit: string;
  readonly shard: number;
  /** What the keys of this window's cells begin with. */
  readonly prefix: string;
  readonly counter: Counter;
  /** Whether the stored cells were handed in. */
  isLoaded = false;
  parked: ParkedCharge[] = [];
  /** Charged and not confirmed, in order. */
  pending: ChargeRecord[] = [];
  /** The newest word of our column that the next on the ring has. */
  mirrored = 0;
  /** What the store may have of our column while charges wait to be confirmed; absent: all of it. */
  confirmed: CellCopy | undefined;
  /** Use that is allowed while isolated, and in which isolation it was worked out. */
  isolatedTo = 0;
  isolation = -1;
  readonly #horizonMs: Millis;

  /** A window that nothing is known of. */
  constructor(limit: string, shard: number, prefix: string, counter: Counter, horizonMs: Millis) {
    this.limit = limit;
    this.shard = shard;
    this.prefix = prefix;
    this.counter = counter;
    this.#horizonMs = horizonMs;
  }

  /** Whether our column says anything. */
  get hasOwn(): boolean {
    return this.counter.own.total > 0;
  }

  /** When all of it may be forgotten. */
  get expiresMs(): WallMillis {
    return this.counter.overMs + this.#horizonMs;
  }

  /** Our column's next word. */
  speak(): CellCopy {
    const { counter, expiresMs } = this;
    const bytes = counter.encode();
    return { key: counter.key, word: counter.own.word, bytes, expiresMs };
  }
}
