/**
 * One tier of the broadcast queue: entries sent equally often.
 *
 * @module
 */

import type { Audience, BroadcastEntry } from "./audience.ts";

/** A sorted tier: distinct lengths ascending, and per length the entries by ascending id. */
export class BroadcastTier {
  readonly #lengths: number[] = [];
  readonly #buckets: Map<number, BroadcastEntry[]> = new Map();

  /** Puts an entry in its place. */
  add(entry: BroadcastEntry): void {
    const length = entry.bytes.length;
    let bucket = this.#buckets.get(length);
    if (bucket === undefined) {
      bucket = [];
      this.#buckets.set(length, bucket);
      this.#lengths.splice(countBelow(this.#lengths, length), 0, length);
    }
    bucket.splice(placeOf(bucket, entry.id), 0, entry);
  }

  /** Takes out an entry that is here. */
  remove(entry: BroadcastEntry): void {
    const bucket = this.#buckets.get(entry.bytes.length) as BroadcastEntry[];
    bucket.splice(placeOf(bucket, entry.id), 1);
    this.#shrink(bucket, entry.bytes.length);
  }

  /** Takes the longest, then newest entry of at most `lengthMax` bytes that `audience` lacks. */
  take(lengthMax: number, audience: Audience): BroadcastEntry | undefined {
    for (let i = countBelow(this.#lengths, lengthMax + 1) - 1; i >= 0; i--) {
      const length = this.#lengths[i] as number;
      const bucket = this.#buckets.get(length) as BroadcastEntry[];
      for (let j = bucket.length - 1; j >= 0; j--) {
        const entry = bucket[j] as BroadcastEntry;
        if (audience.has(entry)) {
          if (audience.exhausted) return undefined;
          continue;
        }
        bucket.splice(j, 1);
        this.#shrink(bucket, length);
        return entry;
      }
    }
    return undefined;
  }

  /** The last in order: shortest, then oldest. */
  last(): BroadcastEntry | undefined {
    const length = this.#lengths[0];
    return length === undefined ? undefined : this.#buckets.get(length)?.[0];
  }

  #shrink(bucket: readonly BroadcastEntry[], length: number): void {
    if (bucket.length > 0) return;
    this.#buckets.delete(length);
    this.#lengths.splice(countBelow(this.#lengths, length), 1);
  }
}

/** How many of the ascending `values` are below `bound`. */
function countBelow(values: readonly number[], bound: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where `id` stands, or would stand, among entries of ascending id. */
function placeOf(bucket: readonly BroadcastEntry[], id: number): number {
  let low = 0;
  let high = bucket.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bucket[middle] as BroadcastEntry).id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
