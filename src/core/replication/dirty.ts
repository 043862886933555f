/**
 * What a peer has yet to hear: keys, not messages. A key that changes ten times while its peer is slow is sent once.
 *
 * @module
 */

import type { StoredEntry } from "./entry.ts";
import { LANES } from "./lanes.ts";
import { type Slot, travelLane } from "./store.ts";

/** Shares of a batch when all lanes are full, by lane. */
const WEIGHTS: readonly number[] = [8, 4, 2, 1];
const WEIGHTS_SUM = 15;

/** Insertion-ordered set that is emptied from the front without walking over the holes it leaves. */
class KeyQueue {
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

/** The dirty keys of one link by lane: at most one place per key, whatever the peer does. */
export class DirtyKeys {
  readonly #lanes: readonly KeyQueue[] = Array.from({ length: LANES }, () => new KeyQueue());
  readonly #credit: number[] = new Array(LANES).fill(0);
  #bytes = 0;
  #wasLarge = false;

  /** Keys waiting. */
  get size(): number {
    let size = 0;
    for (const lane of this.#lanes) size += lane.size;
    return size;
  }

  /** Keys waiting in a lane. */
  sizeOf(lane: number): number {
    return this.#lanes[lane]?.size ?? 0;
  }

  /** Roughly the bytes waiting: entry sizes as they were when marked. Exact when empty. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The slot's newest entry has to be sent. A delete moves to the first lane and stays there. */
  mark(slot: Slot): void {
    const lane = travelLane(slot);
    const first = this.#lanes[0] as KeyQueue;
    if (lane !== slot.lane) (this.#lanes[slot.lane] as KeyQueue).delete(slot);
    else if (lane !== 0 && first.has(slot)) return;
    if ((this.#lanes[lane] as KeyQueue).add(slot)) this.#bytes += slot.entry.bytes.length;
  }

  /** Nothing is to be sent any more. */
  clear(): void {
    for (const lane of this.#lanes) lane.clear();
    this.#credit.fill(0);
    this.#bytes = 0;
    this.#wasLarge = false;
  }

  /**
   * Takes the newest entries, at most `bytesMax` (a larger one comes alone), in lane order. Full lanes share a batch by
   * weight (after deficit round robin, Shreedhar and Varghese 1995); what one leaves goes to the others in order. An
   * entry above its lane's share goes at once and leaves the lane in debt; two such batches never follow each other
   * while anything small waits, so the first lane overtakes everything within one batch.
   */
  take(bytesMax: number): StoredEntry[] {
    const batch: StoredEntry[] = [];
    const overShare: StoredEntry[] = [];
    let left = bytesMax;
    for (let lane = 0; lane < LANES; lane++) {
      const share = shareOf(lane, bytesMax);
      const queued = (this.#lanes[lane] as KeyQueue).size > 0;
      this.#credit[lane] = queued ? Math.min((this.#credit[lane] as number) + share, share) : 0;
    }
    if (!this.#wasLarge) left -= this.#takeOverShare(overShare, bytesMax);
    this.#wasLarge = left <= 0;
    for (let lane = 0; lane < LANES && left > 0; lane++) {
      const taken = this.#fill(lane, batch, Math.min(left, this.#credit[lane] as number));
      this.#credit[lane] = (this.#credit[lane] as number) - taken;
      left -= taken;
    }
    for (let lane = 0; lane < LANES && left > 0; lane++) left -= this.#fill(lane, batch, left);
    batch.push(...overShare);
    for (let lane = 0; lane < LANES && batch.length === 0; lane++) this.#takeHead(lane, batch);
    if (this.size === 0) this.#bytes = 0;
    return batch;
  }

  /** Takes from one lane while the next entry fits; answers the bytes taken. */
  #fill(lane: number, batch: StoredEntry[], room: number): number {
    const queue = this.#lanes[lane] as KeyQueue;
    let taken = 0;
    for (let slot = queue.peek(); slot !== undefined; slot = queue.peek()) {
      if (slot.entry.bytes.length > room - taken) break;
      taken += this.#takeHead(lane, batch);
    }
    return taken;
  }

  /** Takes the first entry that is above its lane's share, where the lane has no debt; answers its bytes. */
  #takeOverShare(batch: StoredEntry[], bytesMax: number): number {
    for (let lane = 0; lane < LANES; lane++) {
      const credit = this.#credit[lane] as number;
      const slot = (this.#lanes[lane] as KeyQueue).peek();
      if (slot === undefined || credit < 0) continue;
      if (slot.entry.bytes.length <= shareOf(lane, bytesMax)) continue;
      const taken = this.#takeHead(lane, batch);
      this.#credit[lane] = credit - taken;
      return taken;
    }
    return 0;
  }

  #takeHead(lane: number, batch: StoredEntry[]): number {
    const queue = this.#lanes[lane] as KeyQueue;
    const slot = queue.peek();
    if (slot === undefined) return 0;
    queue.drop();
    batch.push(slot.entry);
    const size = slot.entry.bytes.length;
    this.#bytes = Math.max(0, this.#bytes - size);
    return size;
  }
}

function shareOf(lane: number, bytesMax: number): number {
  return Math.floor(bytesMax * (WEIGHTS[lane] as number) / WEIGHTS_SUM);
}
