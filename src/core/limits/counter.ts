/**
 * One window of one counter: a column per writer, and their sum.
 *
 * @module
 */

import type { Millis, WallMillis } from "../machine.ts";
import { MICROS_MAX } from "./amounts.ts";
import { type CellWord, encodeCell } from "./cell_codec.ts";
import { writerKey } from "./cell_key.ts";
import { Column } from "./column.ts";
import type { WriterId } from "./contract.ts";
import { SUB_WINDOWS, type WindowSpan } from "./windows.ts";

/** Used = the sum of all columns, kept as it changes. */
export class Counter {
  readonly span: WindowSpan;
  /** When it is over, as in `span`. */
  readonly endMs: WallMillis;
  /** Key of our own cell. */
  readonly key: string;
  readonly own: Column;
  /** Columns of the others, by {@linkcode writerKey}. */
  readonly others: Map<string, Column> = new Map();
  /** Added less removed, over all columns. */
  used = 0;
  /** Our column has something that no word says yet. */
  isDirty = false;
  isNearTold = false;
  isDebtTold = false;
  readonly #ownKey: string;
  readonly #subMs: Millis;
  /** Sub-window of the newest instant seen; 0 unless rolling. */
  #index = 0;

  /** `subMs` is `Infinity` unless the limit is rolling. */
  constructor(span: WindowSpan, key: string, self: WriterId, subMs: Millis) {
    this.span = span;
    this.endMs = span.endMs;
    this.key = key;
    this.#ownKey = writerKey(self.node, self.boot);
    this.#subMs = subMs;
    this.own = new Column(this.isRolling);
  }

  /** Whether it looks back from now instead of beginning anew. */
  get isRolling(): boolean {
    return this.#subMs !== Infinity;
  }

  /** The sub-window of now; 0 unless rolling. */
  get index(): number {
    return this.#index;
  }

  /** Cluster time is `wallMs`: sub-windows that are over and done count no more. Answers whether one began. */
  advance(wallMs: WallMillis): boolean {
    if (this.#subMs === Infinity || wallMs < (this.#index + 1) * this.#subMs) return false;
    this.#index = Math.floor(wallMs / this.#subMs);
    this.own.forget(this.#oldest);
    let used = this.own.used;
    for (const column of this.others.values()) {
      column.forget(this.#oldest);
      used += column.used;
    }
    this.used = used;
    return true;
  }

  /** Raises our own column as of now; what no integer can hold is left out. */
  charge(amount: number): void {
    const fits = Math.min(amount, MICROS_MAX - this.own.total);
    this.own.raise(this.#index, fits, 0);
    this.used += fits;
  }

  /** Corrects what was charged in the sub-window `index`, up or down; without effect when that one is over. */
  correct(index: number, difference: number): void {
    if (index < this.#oldest) return;
    const added = Math.min(Math.max(0, difference), MICROS_MAX - this.own.total);
    const removed = Math.min(Math.max(0, -difference), this.own.removable(index));
    this.own.raise(index, added, removed);
    this.used += added - removed;
  }

  /** Merges another writer's word; `false` for our own, which nobody else may write. */
  merge(writer: WriterId, word: CellWord, now: Millis): boolean {
    const key = writerKey(writer.node, writer.boot);
    if (key === this.#ownKey) return false;
    let column = this.others.get(key);
    if (column === undefined) {
      column = new Column(this.isRolling);
      this.others.set(key, column);
    }
    this.used -= column.used;
    column.merge(word, this.#oldest, now);
    this.used += column.used;
    return true;
  }

  /** The bytes of our next word. */
  encode(): Uint8Array {
    this.own.forget(this.#oldest);
    return encodeCell(this.own.nextWord());
  }

  /** Until when what was last worked out about now holds: the end of the window or of the sub-window. */
  get turnsMs(): WallMillis {
    return this.#subMs === Infinity ? this.endMs : (this.#index + 1) * this.#subMs;
  }

  /** When all that is in our column is over. */
  get overMs(): WallMillis {
    if (this.#subMs === Infinity) return this.span.endMs;
    return ((this.own.newest ?? this.#index) + SUB_WINDOWS + 1) * this.#subMs;
  }

  /** When everything would be free if nothing more came. */
  get resetMs(): WallMillis {
    if (this.#subMs === Infinity) return this.span.endMs;
    let newest = this.own.newest ?? -Infinity;
    for (const column of this.others.values()) newest = Math.max(newest, column.newest ?? newest);
    if (newest === -Infinity) return this.#index * this.#subMs;
    return (newest + SUB_WINDOWS + 1) * this.#subMs;
  }

  /** When `micros` or more of what is used now will have freed themselves; at the latest when all has. */
  freesMs(micros: number): WallMillis {
    if (this.#subMs === Infinity) return this.span.endMs;
    let freed = 0;
    for (let index = this.#oldest; index <= this.#index; index++) {
      freed += this.own.usedAt(index);
      for (const column of this.others.values()) freed += column.usedAt(index);
      if (freed >= micros) return (index + SUB_WINDOWS + 1) * this.#subMs;
    }
    return this.resetMs;
  }

  get #oldest(): number {
    return this.#subMs === Infinity ? -Infinity : this.#index - SUB_WINDOWS;
  }
}
