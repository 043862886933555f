/**
 * Virtual time: things that happen, in order, as fast as they can be computed.
 *
 * @module
 */

import type { Millis } from "../../core/machine.ts";

interface Entry {
  readonly at: Millis;
  readonly order: number;
  readonly run: () => void;
}

/** A heap of things to do; ties run in the order in which they were planned. */
export class Timeline {
  readonly #heap: Entry[] = [];
  #now: Millis = 0;
  #order = 0;

  /** The virtual instant. */
  get now(): Millis {
    return this.#now;
  }

  /** When the next thing happens. */
  next(): Millis | undefined {
    return this.#heap[0]?.at;
  }

  /** Plans `run` for `at`, or for now when that is past. */
  at(at: Millis, run: () => void): void {
    const entry: Entry = { at: at < this.#now ? this.#now : at, order: this.#order++, run };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!before(entry, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  /** Moves time to `at` without running anything; never backwards. */
  advance(at: Millis): void {
    if (at > this.#now) this.#now = at;
  }

  /** Runs the next thing and moves time there; `false` when nothing is planned. */
  step(): boolean {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined) return false;
    const last = heap.pop() as Entry;
    if (last !== first) this.#sink(last);
    this.#now = first.at;
    first.run();
    return true;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as Entry)) child++;
      if (!before(heap[child] as Entry, entry)) break;
      heap[index] = heap[child] as Entry;
      index = child;
    }
    heap[index] = entry;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
