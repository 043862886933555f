/**
 * The large entries that one link still owes its peer, in chunks: one entry at a time per lane, lanes by weight.
 *
 * @module
 */

import { Transfer } from "./chunks.ts";
import { KeyQueue } from "./key_queue.ts";
import type { Chunk } from "./frames.ts";
import { LANE_WEIGHTS, LANES, LANES_WEIGHT } from "./lanes.ts";
import type { Slot } from "./store.ts";

/** No piece is smaller, but for the last one of an entry. */
const CHUNK_BYTES_MIN = 1_024;

interface Lane {
  readonly queue: KeyQueue;
  transfer: Transfer | undefined;
  slot: Slot | undefined;
  /** Grows with every piece, the slower the heavier the lane; the least goes first (stride scheduling, Waldspurger 1995). */
  pass: number;
}

/** Large keys waiting by lane, and what of them is under way. */
export class LargeKeys {
  readonly #lanes: readonly Lane[] = Array.from({ length: LANES }, () => ({
    queue: new KeyQueue(),
    transfer: undefined,
    slot: undefined,
    pass: 0,
  }));

  /** Keys waiting, those under way not counted. */
  get size(): number {
    let size = 0;
    for (const { queue } of this.#lanes) size += queue.size;
    return size;
  }

  /** Nothing waits and nothing is under way. */
  get isEmpty(): boolean {
    return this.#lanes.every(({ queue, transfer }) => queue.size === 0 && transfer === undefined);
  }

  /** Keys waiting in a lane. */
  sizeOf(lane: number): number {
    return this.#lanes[lane]?.queue.size ?? 0;
  }

  /** Whether the slot waits in a lane. */
  has(slot: Slot, lane: number): boolean {
    return (this.#lanes[lane] as Lane).queue.has(slot);
  }

  /** `false` when it was there already, or its newest entry is under way. */
  add(slot: Slot, lane: number): boolean {
    const { queue, transfer } = this.#lanes[lane] as Lane;
    return transfer?.entry !== slot.entry && queue.add(slot);
  }

  /** It is not to be sent any more; what is under way goes on. */
  delete(slot: Slot): void {
    for (const { queue } of this.#lanes) queue.delete(slot);
  }

  /** Takes all slots out, those under way included: the stream is gone, or the peer takes no chunks. */
  *drain(): Generator<Slot> {
    for (const lane of this.#lanes) {
      if (lane.slot !== undefined) yield lane.slot;
      lane.slot = undefined;
      lane.transfer = undefined;
      for (let slot = lane.queue.peek(); slot !== undefined; slot = lane.queue.peek()) {
        lane.queue.drop();
        yield slot;
      }
    }
  }

  /** What a full batch leaves for the next piece. */
  reserve(bytesMax: number): number {
    const lane = this.#next();
    if (lane < 0) return 0;
    const share = Math.floor(bytesMax * (LANE_WEIGHTS[lane] as number) / LANES_WEIGHT);
    return Math.max(share, CHUNK_BYTES_MIN);
  }

  /** The next piece, and the slot's entry if that was its last one. */
  take(
    bytesMax: number,
  ): { readonly chunk: Chunk; readonly finished: Transfer | undefined } | undefined {
    if (bytesMax < CHUNK_BYTES_MIN) return undefined;
    const index = this.#next();
    if (index < 0) return undefined;
    const lane = this.#lanes[index] as Lane;
    const transfer = lane.transfer as Transfer;
    const chunk = transfer.next(bytesMax);
    lane.pass += 1 / (LANE_WEIGHTS[index] as number);
    if (transfer.left > 0) return { chunk, finished: undefined };
    lane.transfer = undefined;
    lane.slot = undefined;
    return { chunk, finished: transfer };
  }

  /** The lane whose piece goes next; -1 when there is none. */
  #next(): number {
    let next = -1;
    for (let index = 0; index < LANES; index++) {
      const lane = this.#lanes[index] as Lane;
      if (!this.#begin(lane, index)) continue;
      if (next < 0 || lane.pass < (this.#lanes[next] as Lane).pass) next = index;
    }
    return next;
  }

  /** Whether the lane has something under way, now that it was looked at. */
  #begin(lane: Lane, index: number): boolean {
    // What was deleted meanwhile needs no more pieces: the delete is on its way.
    if (lane.slot !== undefined && (!lane.slot.held || lane.slot.entry.deleted)) {
      lane.transfer = undefined;
      lane.slot = undefined;
    }
    if (lane.transfer !== undefined) return true;
    const slot = lane.queue.peek();
    if (slot === undefined) return false;
    lane.queue.drop();
    lane.slot = slot;
    lane.transfer = new Transfer(slot.entry, index);
    // Whoever had nothing to send has saved up nothing.
    lane.pass = Math.max(lane.pass, this.#leastPass());
    return true;
  }

  #leastPass(): number {
    let least = Infinity;
    for (const { transfer, pass } of this.#lanes) {
      if (transfer !== undefined) least = Math.min(least, pass);
    }
    return least === Infinity ? 0 : least;
  }
}
