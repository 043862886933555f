/**
 * What happens when, in virtual time; ties in the order in which they were set.
 *
 * @module
 */

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** A binary heap of things to do. */
export class Agenda {
  /** Virtual time in milliseconds. */
  now = 0;
  readonly #heap: Entry[] = [];
  #order = 0;

  /** Does something after a while. */
  in(ms: number, act: () => void): void {
    const entry = { at: this.now + Math.max(0, ms), order: this.#order++, act };
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(entry, heap[parent] as Entry)) break;
      heap[index] = heap[parent] as Entry;
      index = parent;
    }
    heap[index] = entry;
  }

  /** Lets time pass. `isOver` ends it early. */
  runUntil(end: number, isOver: () => boolean): void {
    while (this.#heap.length > 0 && !isOver()) {
      const first = this.#heap[0] as Entry;
      if (first.at > end) break;
      this.#pop();
      this.now = Math.max(this.now, first.at);
      first.act();
    }
    if (!isOver()) this.now = end;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as Entry)) child++;
      if (!before(heap[child] as Entry, last)) break;
      heap[index] = heap[child] as Entry;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
