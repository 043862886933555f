/**
 * A table of named deadlines: a binary heap with positions, so that a moved timeout is just another number (H2).
 *
 * @module
 */

import type { Millis } from "./machine.ts";

interface Entry<K> {
  readonly key: K;
  at: Millis;
  readonly order: number;
  index: number;
}

/** At most one deadline per key; ties fire in the order in which the keys were first set. */
export class Deadlines<K> {
  readonly #heap: Entry<K>[] = [];
  readonly #entries: Map<K, Entry<K>> = new Map();
  #order = 0;

  /** How many deadlines are armed. */
  get size(): number {
    return this.#heap.length;
  }

  /** Arms or moves the deadline of `key`. */
  set(key: K, at: Millis): void {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.at = at;
      this.#sink(this.#rise(known.index));
      return;
    }
    const entry: Entry<K> = { key, at, order: this.#order++, index: this.#heap.length };
    this.#entries.set(key, entry);
    this.#heap.push(entry);
    this.#rise(entry.index);
  }

  /** When `key` fires; `undefined` if it is not armed. */
  get(key: K): Millis | undefined {
    return this.#entries.get(key)?.at;
  }

  /** Disarms `key`; `false` if it was not armed. */
  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    const last = this.#heap.pop() as Entry<K>;
    if (last !== entry) {
      this.#place(last, entry.index);
      this.#sink(this.#rise(last.index));
    }
    return true;
  }

  /** The earliest deadline. */
  next(): Millis | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes out the earliest key due at `now`; `undefined` when none is. Call until it answers `undefined`. */
  pop(now: Millis): K | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.delete(first.key);
    return first.key;
  }

  #before(a: Entry<K>, b: Entry<K>): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #place(entry: Entry<K>, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }

  #rise(from: number): number {
    const entry = this.#heap[from] as Entry<K>;
    let index = from;
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1] as Entry<K>;
      if (!this.#before(entry, parent)) break;
      this.#place(parent, index);
      index = (index - 1) >> 1;
    }
    this.#place(entry, index);
    return index;
  }

  #sink(from: number): void {
    const entry = this.#heap[from] as Entry<K>;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#heap.length) break;
      const right = this.#heap[child + 1];
      if (right !== undefined && this.#before(right, this.#heap[child] as Entry<K>)) child++;
      const smaller = this.#heap[child] as Entry<K>;
      if (!this.#before(smaller, entry)) break;
      this.#place(smaller, index);
      index = child;
    }
    this.#place(entry, index);
  }
}
