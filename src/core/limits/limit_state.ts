/**
 * One limit at work: its definition, its counter and who decides.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import { decodeCell } from "./cell_codec.ts";
import { type CellAddress, parseCellKey } from "./cell_key.ts";
import type { Counter } from "./counter.ts";
import type { ResolvedLimit } from "./definition.ts";
import type { Glances } from "./glances.ts";
import type { Strength } from "./strength.ts";

/** Cells kept per limit for a window that this node's clock has not reached; the store has the rest. */
const EARLY_CELLS_MAX = 64;

/** What the machine keeps per limit. */
export class LimitState {
  /** Where what it can take at a glance is kept. */
  readonly row: number;
  counter: Counter;
  readonly strength: Strength;
  /** What earlier items of the call under decision take of it. */
  pending = 0;
  /** The limit is gone or is counted anew: another state has its place, and its row. */
  isClosed = false;
  readonly #glances: Glances;
  #limit: ResolvedLimit;
  #early: Map<string, Uint8Array> | undefined;

  /** A limit with its present window. */
  constructor(limit: ResolvedLimit, counter: Counter, strength: Strength, glances: Glances) {
    this.#limit = limit;
    this.#glances = glances;
    this.row = glances.open();
    this.counter = counter;
    this.strength = strength;
  }

  /** The definition in force. */
  get limit(): ResolvedLimit {
    return this.#limit;
  }

  /** Charges what was taken at a glance. Before anything is read or changed; then nothing goes at a glance. */
  collect(now: Millis): void {
    if (this.isClosed) return;
    const taken = this.#glances.collect(this.row);
    if (taken === 0) return;
    this.counter.charge(taken);
    this.strength.charged(taken, now);
  }

  /** From now on what is free goes at a glance, but not past the point at which something has to be told. */
  glance(): void {
    if (this.isClosed) return;
    const { counter, strength } = this;
    const untold = this.#limit.nearAt - counter.used - 1;
    const free = counter.isNearTold ? strength.free : Math.min(strength.free, untold);
    this.#glances.set(this.row, free, strength.freeUntilMs, counter.turnsMs);
  }

  /** The limit is gone. */
  close(): void {
    this.isClosed = true;
    this.#glances.close(this.row);
  }

  /** Another definition that counts in the same windows. */
  redefine(limit: ResolvedLimit): void {
    this.#limit = limit;
    this.counter.isNearTold = false;
    this.counter.isDebtTold = false;
    this.strength.define(limit);
  }

  /** A cell of another window of this counter came: of one that is over, or of one whose time has come elsewhere. */
  keepEarly(key: string, bytes: Uint8Array): void {
    this.#early ??= new Map();
    this.#early.delete(key);
    this.#early.set(key, bytes);
    const [oldest] = this.#early.keys();
    if (this.#early.size > EARLY_CELLS_MAX && oldest !== undefined) this.#early.delete(oldest);
  }

  /** Begins a window, with what others said about it already. */
  turn(counter: Counter, now: Millis): void {
    this.counter = counter;
    const early = this.#early;
    this.#early = undefined;
    for (const [key, bytes] of early ?? []) {
      const address = parseCellKey(key) as CellAddress;
      const word = decodeCell(bytes);
      if (word !== undefined && address.window === counter.span.id) {
        counter.merge(address, word, now);
      }
    }
    this.strength.open(counter);
  }
}
