/**
 * Walks the whole store in lane order for a newcomer, holding a cursor and not a copy.
 *
 * @module
 */

import type { StoredEntry } from "./entry.ts";
import { type Lane, LANES } from "./lanes.ts";
import { type Slot, type Store, travelLane } from "./store.ts";

/** One snapshot under way: every key the store held when it began is handed out once, at its newest value. */
export class SnapshotCursor {
  readonly #store: Store;
  #lane = 0;
  #types: string[] = [];
  #slots: IterableIterator<Slot> | undefined;
  #left = 0;
  #again: StoredEntry[] = [];
  #done = false;
  /** Entries handed out. */
  sent = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#enterLane(0);
  }

  /** Everything was handed out. */
  get done(): boolean {
    return this.#done && this.#again.length === 0;
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
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (batch.length > 0 && next.bytes.length > left) {
        this.#again.push(next);
        break;
      }
      batch.push(next);
      left -= next.bytes.length;
    }
    this.sent += batch.length;
    return batch;
  }

  #next(): StoredEntry | undefined {
    for (let lost = this.#again.pop(); lost !== undefined; lost = this.#again.pop()) {
      const slot = this.#store.find(lost.type, lost.key);
      if (slot !== undefined) return slot.entry;
    }
    for (let slot = this.#walk(); slot !== undefined; slot = this.#walk()) {
      if (travelLane(slot) === this.#lane) return slot.entry;
    }
    return undefined;
  }

  /** The next slot of this lane's pass: first the tombstones of all types, then each type in its own lane. */
  #walk(): Slot | undefined {
    while (!this.#done) {
      if (this.#slots !== undefined && this.#left > 0) {
        const next = this.#slots.next();
        if (next.done !== true) {
          this.#left--;
          return next.value;
        }
      }
      this.#nextType();
    }
    return undefined;
  }

  #nextType(): void {
    const type = this.#types.pop();
    if (type !== undefined) {
      this.#slots = this.#store.slots(type);
      this.#left = this.#store.sizeOf(type);
      return;
    }
    this.#slots = undefined;
    if (this.#lane + 1 < LANES) this.#enterLane((this.#lane + 1) as Lane);
    else this.#done = true;
  }

  #enterLane(lane: Lane): void {
    this.#lane = lane;
    this.#types = [...this.#store.types()].filter((type) =>
      lane === 0 || this.#store.laneOfType(type) === lane
    ).reverse();
  }
}
