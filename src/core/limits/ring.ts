/**
 * The sub-windows of one writer's column of a rolling counter.
 *
 * @module
 */

import { type CellPart, PARTS_MAX } from "./cell_codec.ts";

/** Added and removed by sub-window, oldest first; sub-windows in which nothing happened are not kept. */
export class Ring {
  readonly #indexes: number[] = [];
  readonly #added: number[] = [];
  readonly #removed: number[] = [];

  /** Number of the newest sub-window kept; `undefined` when none is. */
  get newest(): number | undefined {
    return this.#indexes.at(-1);
  }

  /** What is kept of `index`, added less removed. */
  usedAt(index: number): number {
    const at = this.#indexes.indexOf(index);
    return at < 0 ? 0 : (this.#added[at] as number) - (this.#removed[at] as number);
  }

  /** Raises both numbers of a sub-window. Beyond its bound the oldest goes. */
  add(index: number, added: number, removed: number): void {
    const at = this.#place(index);
    this.#added[at] = (this.#added[at] as number) + added;
    this.#removed[at] = (this.#removed[at] as number) + removed;
  }

  /** Takes the larger of each number. */
  merge(part: CellPart): void {
    const at = this.#place(part.index);
    this.#added[at] = Math.max(this.#added[at] as number, part.added);
    this.#removed[at] = Math.max(this.#removed[at] as number, part.removed);
  }

  /** Forgets what is older than `oldest`. */
  forget(oldest: number): void {
    let count = 0;
    while (count < this.#indexes.length && (this.#indexes[count] as number) < oldest) count++;
    if (count > 0) this.#drop(count);
  }

  /** Added less removed, of all that is kept. */
  used(): number {
    let sum = 0;
    for (let i = 0; i < this.#indexes.length; i++) {
      sum += (this.#added[i] as number) - (this.#removed[i] as number);
    }
    return sum;
  }

  /** As a cell says it. */
  parts(): CellPart[] {
    return this.#indexes.map((index, at) => ({
      index,
      added: this.#added[at] as number,
      removed: this.#removed[at] as number,
    }));
  }

  /** Where a sub-window is kept, making room for it. */
  #place(index: number): number {
    let at = this.#indexes.length;
    while (at > 0 && (this.#indexes[at - 1] as number) > index) at--;
    if (at > 0 && this.#indexes[at - 1] === index) return at - 1;
    this.#indexes.splice(at, 0, index);
    this.#added.splice(at, 0, 0);
    this.#removed.splice(at, 0, 0);
    if (this.#indexes.length <= PARTS_MAX) return at;
    this.#drop(1);
    return Math.max(0, at - 1);
  }

  #drop(count: number): void {
    this.#indexes.splice(0, count);
    this.#added.splice(0, count);
    this.#removed.splice(0, count);
  }
}
