/**
 * Keys waiting in the order in which they came.
 *
 * @module
 */

import type { Slot } from "./store.ts";

/** Insertion-ordered set that is emptied from the front without walking over the holes it leaves. */
export class KeyQueue {
  readonly #slots: Set<Slot> = new Set();
  #walk: IterableIterator<Slot> | undefined;
  #head: Slot | undefined;

  get size(): number {
    return this.#slots.size;
  }

  has(slot: Slot): boolean {
    return this.#slots.has(slot);
  }

  /** `false` when it was there already; it then keeps its place. */
  add(slot: Slot): boolean {
    const before = this.#slots.size;
    return this.#slots.add(slot).size > before;
  }

  delete(slot: Slot): boolean {
    if (this.#head === slot) this.#head = undefined;
    return this.#slots.delete(slot);
  }

  /** The oldest, still in. Slots purged meanwhile fall out here. */
  peek(): Slot | undefined {
    while (this.#slots.size > 0) {
      if (this.#head === undefined) {
        this.#walk ??= this.#slots.values();
        const next = this.#walk.next();
        if (next.done === true) {
          this.#walk = undefined;
          continue;
        }
        this.#head = next.value;
      }
      if (this.#head.held) return this.#head;
      this.delete(this.#head);
    }
    this.#walk = undefined;
    return undefined;
  }

  /** Takes out what `peek` showed. */
  drop(): void {
    if (this.#head !== undefined) this.delete(this.#head);
  }

  clear(): void {
    this.#slots.clear();
    this.#walk = undefined;
    this.#head = undefined;
  }
}
