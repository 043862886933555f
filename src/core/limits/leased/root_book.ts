/**
 * The ledger of one limit, as the root in office keeps it, and how far the voters have written it down.
 *
 * Invariant: a slice counts its changes by `seq`; a voter that wrote down `seq` has every row that changed up to then,
 * because each store carries all rows that changed since what that voter is known to have.
 *
 * @module
 */

import { compareVersions } from "../../hlc.ts";
import type { Millis } from "../../machine.ts";
import type { LeaseWindow, LedgerSlice, LimitTerms, Row } from "./contract.ts";
import type { AnswerItem, StoreSlice } from "./messages.ts";
import type { ChargedRow } from "./rules.ts";

/** One holder's row. */
export interface RootRow extends ChargedRow {
  granted: number;
  returned: number;
  spent: number;
  heardMs: Millis;
  /** {@linkcode RootSlice.seq} when it changed last. */
  changedAt: number;
}

/** An answer that waits until a quorum has written down what it says. */
export interface Waiting {
  readonly node: string;
  readonly boot: string;
  readonly sentMs: Millis;
  readonly seq: number;
  readonly item: AnswerItem;
}

/** How far one voter is. */
export interface Progress {
  /** Has everything up to this, or has closed the window. */
  held: number;
  /** Has everything up to this and agrees that it may be granted. */
  vouched: number;
}

/** Counts changes; one for a whole term of office, so that no answer about a slice can be taken for one about another. */
export interface ChangeCount {
  value: number;
}

/** One window of a limit. */
export class RootSlice {
  readonly window: LeaseWindow;
  readonly rows: Map<string, RootRow> = new Map();
  /** By voter id. */
  readonly progress: Map<string, Progress> = new Map();
  /** By boot id of the holder: its latest question. */
  readonly waiting: Map<string, Waiting> = new Map();
  /** Of the latest change. */
  seq: number;
  /** What a list that is coming must have. */
  baseSeq: number;
  /** Came from the voters, or some of it was confirmed. */
  isFirm = false;

  readonly #count: ChangeCount;

  /** A window without rows. */
  constructor(window: LeaseWindow, count: ChangeCount) {
    this.window = window;
    this.#count = count;
    this.seq = ++count.value;
    this.baseSeq = this.seq;
  }

  /** The row of a holder; made when it has none. */
  row(holder: string, now: Millis): RootRow {
    let row = this.rows.get(holder);
    if (row === undefined) {
      row = { holder, granted: 0, returned: 0, spent: 0, heardMs: now, changedAt: 0 };
      this.rows.set(holder, row);
    }
    return row;
  }

  /** Raises a row to what is said of it; `true` when anything grew. */
  raise(row: RootRow, said: Row): boolean {
    const grew = said.granted > row.granted || said.returned > row.returned ||
      said.spent > row.spent;
    if (!grew) return false;
    row.granted = Math.max(row.granted, said.granted);
    row.returned = Math.max(row.returned, said.returned);
    row.spent = Math.max(row.spent, said.spent);
    this.touch(row);
    return true;
  }

  /** The row has to be written down anew. */
  touch(row: RootRow): void {
    this.seq = ++this.#count.value;
    row.changedAt = this.seq;
  }

  /** All of it has to be written down anew before anything of it is told. */
  renew(): void {
    this.waiting.clear();
    this.seq = ++this.#count.value;
    for (const row of this.rows.values()) row.changedAt = this.seq;
  }

  /** Voters that vouch for everything up to `seq`. */
  vouching(seq: number): Set<string> {
    const voters = new Set<string>();
    for (const [voter, { vouched }] of this.progress) if (vouched >= seq) voters.add(voter);
    return voters;
  }

  /** Voters that have everything up to `seq`, or know that the window is closed. */
  holding(seq: number): Set<string> {
    const voters = new Set<string>();
    for (const [voter, { held }] of this.progress) if (held >= seq) voters.add(voter);
    return voters;
  }
}

/** See the module. */
export class RootBook {
  readonly key: string;
  /** The newest that anybody is known to know: stores are labelled by it, and nothing is told that it does not allow. */
  terms: LimitTerms;
  span: number;
  /** Windows up to this one are closed. */
  closed: number = -Infinity;
  /** Newest window there is. */
  newest: number = -Infinity;
  readonly slices: Map<number, RootSlice> = new Map();

  readonly #count: ChangeCount;

  /** A limit of which nothing is granted. */
  constructor(key: string, { version, cap }: LimitTerms, span: number, count: ChangeCount) {
    this.key = key;
    this.terms = { version, cap };
    this.span = span;
    this.#count = count;
  }

  /** Takes what a voter handed over. */
  adopt(said: LedgerSlice, now: Millis): void {
    this.learn(said);
    this.span = said.span;
    if (said.closed !== undefined) this.closed = Math.max(this.closed, said.closed);
    const slice = this.slice(said.window);
    slice.isFirm = true;
    for (const row of said.rows) slice.raise(slice.row(row.holder, now), row);
  }

  /**
   * Somebody knows these terms; `true` when they are newer than ours. Answers that wait were worked out under the old
   * ones: their holders ask again and are told what the new ones allow.
   */
  learn({ version, cap }: LimitTerms): boolean {
    if (compareVersions(version, this.terms.version) <= 0) return false;
    this.terms = { version, cap };
    for (const slice of this.slices.values()) slice.renew();
    return true;
  }

  /** The slice of a window; made when there is none. Windows that fall out of the ring are closed. */
  slice(window: LeaseWindow): RootSlice {
    let slice = this.slices.get(window.order);
    if (slice === undefined) {
      slice = new RootSlice(window, this.#count);
      this.slices.set(window.order, slice);
      this.newest = Math.max(this.newest, window.order);
      this.#close();
    }
    return slice;
  }

  /** Lets go of a slice that was never firm. */
  drop(order: number): void {
    this.slices.delete(order);
    this.newest = -Infinity;
    for (const each of this.slices.keys()) this.newest = Math.max(this.newest, each);
  }

  /** What is charged in the ring that ends with `order`. */
  charged(order: number, charge: (row: ChargedRow) => number): number {
    let sum = 0;
    for (const slice of this.slices.values()) {
      const each = slice.window.order;
      if (each > order || each <= order - this.span) continue;
      for (const row of slice.rows.values()) sum += charge(row);
    }
    return sum;
  }

  /** What a voter has to be sent of a slice. */
  store(slice: RootSlice, voter: string): StoreSlice {
    const held = slice.progress.get(voter)?.held ?? 0;
    const rows = [];
    for (const { holder, granted, returned, spent, changedAt } of slice.rows.values()) {
      if (changedAt > held) rows.push({ holder, granted, returned, spent });
    }
    const { key: limit, terms: { version, cap }, span, closed } = this;
    const said = { limit, version, cap, span, window: slice.window, seq: slice.seq, rows };
    return closed === -Infinity ? said : { ...said, closed };
  }

  /** Everything was adopted. */
  settle(): void {
    this.#close();
  }

  /** Closed windows go, but for the newest: it carries the word that they are closed. */
  #close(): void {
    this.closed = Math.max(this.closed, this.newest - this.span);
    for (const [order, slice] of this.slices) {
      if (order > this.closed) continue;
      if (order < this.newest) this.slices.delete(order);
      else slice.rows.clear();
    }
  }
}
