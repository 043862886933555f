/**
 * Walks the whole store in lane order for a newcomer, each lane in the order of the key hashes, holding a cursor and not a
 * copy. The order is the same on every node, so that another one can go on where the first broke off.
 *
 * @module
 */

import type { StoredEntry } from "./entry.ts";
import type { SnapshotPlace } from "./frames.ts";
import { LANES } from "./lanes.ts";
import { type Slot, type Store, travelLane } from "./store.ts";

/** One snapshot under way: every key the store held when it began is handed out once, at its newest value. */
export class SnapshotCursor {
  readonly #store: Store;
  #lane: number;
  /** Where the range under way begins, and the one after it: leading halves of key hashes. */
  #from: number;
  #next: number | undefined;
  /** What is left of the range under way, last first. */
  #slots: Slot[] = [];
  #again: StoredEntry[] = [];
  /** Entries handed out. */
  sent = 0;

  /** `place` is where another node broke off; left out: from the beginning. */
  constructor(store: Store, place: SnapshotPlace = { lane: 0, hash: 0 }) {
    this.#store = store;
    this.#lane = place.lane;
    this.#from = place.hash;
    this.#next = place.hash;
  }

  /** Everything was handed out. */
  get done(): boolean {
    return this.#again.length === 0 && this.#peek() === undefined;
  }

  /** Everything before it was handed out; `undefined` while something is to be handed out once more. */
  get place(): SnapshotPlace | undefined {
    if (this.#again.length > 0) return undefined;
    return { lane: this.#lane, hash: this.#from };
  }

  /** Hands these out once more: their batch was lost. */
  redo(entries: readonly StoredEntry[]): void {
    this.#again.push(...entries);
    this.sent -= entries.length;
  }

  /** The next entries, at most `bytesMax` together; a larger one comes alone. */
  take(bytesMax: number): StoredEntry[] {
    const batch: StoredEntry[] = [];
    let left = bytesMax;
    for (let next = this.#peekAgain(); next !== undefined; next = this.#peekAgain()) {
      if (batch.length > 0 && next.bytes.length > left) break;
      this.#again.pop();
      batch.push(next);
      left -= next.bytes.length;
    }
    for (let slot = this.#peek(); slot !== undefined && this.#again.length === 0;) {
      if (batch.length > 0 && slot.entry.bytes.length > left) break;
      this.#slots.pop();
      batch.push(slot.entry);
      left -= slot.entry.bytes.length;
      slot = this.#peek();
    }
    this.sent += batch.length;
    return batch;
  }

  #peekAgain(): StoredEntry | undefined {
    for (let lost = this.#again.at(-1); lost !== undefined; lost = this.#again.at(-1)) {
      const slot = this.#store.find(lost.type, lost.key);
      if (slot !== undefined) return slot.entry;
      this.#again.pop();
    }
    return undefined;
  }

  /** The next slot; the pass of the first lane takes the tombstones of all types. */
  #peek(): Slot | undefined {
    while (this.#lane < LANES) {
      const slot = this.#slots.at(-1);
      if (slot === undefined) this.#enterRange();
      else if (slot.held && travelLane(slot) === this.#lane) return slot;
      else this.#slots.pop();
    }
    return undefined;
  }

  #enterRange(): void {
    if (this.#next === undefined) {
      this.#lane++;
      this.#next = 0;
    }
    this.#from = this.#next;
    if (this.#lane >= LANES) return;
    const { items, next } = this.#store.tree.rangeAt(this.#from);
    this.#slots = items;
    this.#next = next;
  }
}
