/**
 * What a peer has yet to hear: keys, not messages. A key that changes ten times while its peer is slow is sent once.
 *
 * @module
 */

import type { StoredEntry } from "./entry.ts";
import type { Chunk } from "./frames.ts";
import { KeyQueue } from "./key_queue.ts";
import { LANE_WEIGHTS, LANES, LANES_WEIGHT } from "./lanes.ts";
import { LargeKeys } from "./large_keys.ts";
import { type Slot, travelLane } from "./store.ts";

/** What goes next. */
export interface Portion {
  /** Whole entries. */
  readonly entries: StoredEntry[];
  /** A piece of a large one. */
  readonly chunk: Chunk | undefined;
  /** The large entry that this piece completes. */
  readonly finished: StoredEntry | undefined;
}

/** The dirty keys of one link by lane: at most one place per key, whatever the peer does. */
export class DirtyKeys {
  readonly #lanes: readonly KeyQueue[] = Array.from({ length: LANES }, () => new KeyQueue());
  readonly #credit: number[] = new Array(LANES).fill(0);
  readonly #large: LargeKeys = new LargeKeys();
  #largeBytes = Infinity;
  #bytes = 0;
  #wasLarge = false;

  /** Nothing waits and no large entry is under way. */
  get isEmpty(): boolean {
    return this.size === 0 && this.#large.isEmpty;
  }

  /** Keys waiting; a large entry under way is not counted. */
  get size(): number {
    let size = this.#large.size;
    for (const lane of this.#lanes) size += lane.size;
    return size;
  }

  /** Keys waiting in a lane. */
  sizeOf(lane: number): number {
    return (this.#lanes[lane]?.size ?? 0) + this.#large.sizeOf(lane);
  }

  /** Roughly the bytes waiting: entry sizes as they were when marked. Exact when empty. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The slot's newest entry has to be sent. A delete moves to the first lane and stays there. */
  mark(slot: Slot): void {
    const lane = travelLane(slot);
    const first = this.#lanes[0] as KeyQueue;
    if (lane !== slot.lane) {
      (this.#lanes[slot.lane] as KeyQueue).delete(slot);
      this.#large.delete(slot);
    } else if (lane !== 0 && first.has(slot)) return;
    const queue = this.#lanes[lane] as KeyQueue;
    const size = slot.entry.bytes.length;
    const isNew = size > this.#largeBytes && !queue.has(slot)
      ? this.#large.add(slot, lane)
      : !this.#large.has(slot, lane) && queue.add(slot);
    if (isNew) this.#bytes += size;
  }

  /** Entries above this go in chunks from now on; what was under way begins anew. */
  restart(largeBytes: number): void {
    this.#largeBytes = largeBytes;
    for (const slot of [...this.#large.drain()]) this.mark(slot);
  }

  /** Nothing is to be sent any more. */
  clear(): void {
    for (const lane of this.#lanes) lane.clear();
    for (const _slot of this.#large.drain());
    this.#credit.fill(0);
    this.#bytes = 0;
    this.#wasLarge = false;
  }

  /** The next entries and the next piece of a large one, together at most `bytesMax` where that is possible. */
  next(bytesMax: number): Portion {
    const reserved = this.#large.reserve(bytesMax);
    const entries = this.take(bytesMax - reserved);
    let left = bytesMax;
    for (const { bytes } of entries) left -= bytes.length;
    const large = reserved > 0 ? this.#large.take(left) : undefined;
    if (this.isEmpty) this.#bytes = 0;
    else if (large !== undefined) this.#bytes = Math.max(0, this.#bytes - large.chunk.bytes.length);
    return { entries, chunk: large?.chunk, finished: large?.finished?.entry };
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
    if (this.isEmpty) this.#bytes = 0;
    return batch;
  }

  /** Takes from one lane while the next entry fits; answers the bytes taken. */
  #fill(lane: number, batch: StoredEntry[], room: number): number {
    const queue = this.#lanes[lane] as KeyQueue;
    let taken = 0;
    for (let slot = queue.peek(); slot !== undefined; slot = queue.peek()) {
      if (this.#isMoved(slot, lane)) continue;
      if (slot.entry.bytes.length > room - taken) break;
      taken += this.#takeHead(lane, batch);
    }
    return taken;
  }

  /** An entry that grew while it waited goes to the large ones. */
  #isMoved(slot: Slot, lane: number): boolean {
    if (slot.entry.bytes.length <= this.#largeBytes) return false;
    (this.#lanes[lane] as KeyQueue).drop();
    this.#large.add(slot, lane);
    return true;
  }

  /** Takes the first entry that is above its lane's share, where the lane has no debt; answers its bytes. */
  #takeOverShare(batch: StoredEntry[], bytesMax: number): number {
    for (let lane = 0; lane < LANES; lane++) {
      const credit = this.#credit[lane] as number;
      const slot = (this.#lanes[lane] as KeyQueue).peek();
      if (slot === undefined || credit < 0 || this.#isMoved(slot, lane)) continue;
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
    if (slot === undefined || this.#isMoved(slot, lane)) return 0;
    queue.drop();
    batch.push(slot.entry);
    const size = slot.entry.bytes.length;
    this.#bytes = Math.max(0, this.#bytes - size);
    return size;
  }
}

function shareOf(lane: number, bytesMax: number): number {
  return Math.floor(bytesMax * (LANE_WEIGHTS[lane] as number) / LANES_WEIGHT);
}
