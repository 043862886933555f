/**
 * What one writer says about one window of a counter.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { CellWord } from "./cell_codec.ts";
import { Ring } from "./ring.ts";

/** One writer's column. Only its writer raises the numbers; everybody else merges what it said by maximum. */
export class Column {
  /** Newest word of the writer that is merged here; for our own, the newest written. */
  word = 0;
  /** Everything ever added. */
  total = 0;
  /** The writer will not let `total` grow beyond this before its acknowledgers know a later word. */
  ceiling = 0;
  /** Micro-units per second that the writer's callers asked for, as of `heardAt`. */
  rate = 0;
  /** When the newest word came. */
  heardAt: Millis = -Infinity;
  #removed = 0;
  /** What the ring sums up to; of rolling limits only. */
  #ringUsed = 0;
  readonly #ring: Ring | undefined;

  /** A column without a word. */
  constructor(isRolling: boolean) {
    this.#ring = isRolling ? new Ring() : undefined;
  }

  /** What counts of it now, less what was removed: all, unless the limit is rolling. */
  get used(): number {
    return this.#ring === undefined ? this.total - this.#removed : this.#ringUsed;
  }

  /** Raises our own numbers. `index` is the sub-window, of rolling limits only. */
  raise(index: number, added: number, removed: number): void {
    this.total += added;
    if (this.#ring === undefined) {
      if (removed > 0) this.#removed += removed;
    } else {
      this.#ring.add(index, added, removed);
      this.#ringUsed += added - removed;
    }
  }

  /** How much of a sub-window, or of the whole window, can still be taken back. */
  removable(index: number): number {
    return this.#ring === undefined ? this.total - this.#removed : this.#ring.usedAt(index);
  }

  /** Merges a word: any order, any number of times. Numbers of the future sub-windows count as of now. */
  merge(word: CellWord, oldest: number, now: Millis): void {
    this.total = Math.max(this.total, word.total);
    for (const part of word.parts) {
      if (this.#ring === undefined) {
        this.total = Math.max(this.total, part.added);
        this.#removed = Math.max(this.#removed, part.removed);
      } else if (part.index >= oldest) {
        this.#ring.merge(part);
      }
    }
    if (this.#ring !== undefined) this.#ringUsed = this.#ring.used();
    if (word.word <= this.word) return;
    this.word = word.word;
    this.ceiling = word.total + word.burst;
    this.rate = word.rate;
    this.heardAt = now;
  }

  /** Lets sub-windows before `oldest` go. */
  forget(oldest: number): void {
    if (this.#ring === undefined) return;
    this.#ring.forget(oldest);
    this.#ringUsed = this.#ring.used();
  }

  /** Number of the newest sub-window with something in it. */
  get newest(): number | undefined {
    return this.#ring?.newest;
  }

  /** What is used of one sub-window. */
  usedAt(index: number): number {
    return this.#ring === undefined ? 0 : this.#ring.usedAt(index);
  }

  /** The next word about it. */
  nextWord(): CellWord {
    this.word++;
    const parts = this.#ring?.parts() ??
      [{ index: 0, added: this.total, removed: this.#removed }];
    const burst = Math.max(0, this.ceiling - this.total);
    return { word: this.word, total: this.total, burst, rate: this.rate, parts };
  }
}
