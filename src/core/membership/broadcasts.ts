/**
 * The queue of what is to be gossiped: each entry is sent a limited number of times (memberlist.md 4.5).
 *
 * Order: fewer transmissions first, then longer, then newer. Entries live in tiers by transmissions, inside by
 * length, so that a fetch looks only at what it takes.
 *
 * @module
 */

/** Learns what becomes of a broadcast. */
export interface BroadcastWatch {
  /** It was sent once more, `transmits` times by now. */
  sent(transmits: number): void;
  /** It will not be sent again: done, displaced or pruned. */
  finished(): void;
}

interface Entry {
  readonly name: string | undefined;
  readonly bytes: Uint8Array;
  readonly id: number;
  readonly watch: BroadcastWatch | undefined;
  transmits: number;
}

/** A sorted tier: distinct lengths ascending, and per length the entries by ascending id. */
class Tier {
  readonly #lengths: number[] = [];
  readonly #buckets: Map<number, Entry[]> = new Map();

  add(entry: Entry): void {
    const length = entry.bytes.length;
    let bucket = this.#buckets.get(length);
    if (bucket === undefined) {
      bucket = [];
      this.#buckets.set(length, bucket);
      this.#lengths.splice(countBelow(this.#lengths, length), 0, length);
    }
    bucket.splice(placeOf(bucket, entry.id), 0, entry);
  }

  remove(entry: Entry): void {
    const bucket = this.#buckets.get(entry.bytes.length) as Entry[];
    bucket.splice(placeOf(bucket, entry.id), 1);
    this.#shrink(bucket, entry.bytes.length);
  }

  /** Takes the longest, then newest entry of at most `lengthMax` bytes. */
  take(lengthMax: number): Entry | undefined {
    const length = this.#lengths[countBelow(this.#lengths, lengthMax + 1) - 1];
    if (length === undefined) return undefined;
    const bucket = this.#buckets.get(length) as Entry[];
    const entry = bucket.pop();
    this.#shrink(bucket, length);
    return entry;
  }

  /** The last in order: shortest, then oldest. */
  last(): Entry | undefined {
    const length = this.#lengths[0];
    return length === undefined ? undefined : this.#buckets.get(length)?.[0];
  }

  #shrink(bucket: readonly Entry[], length: number): void {
    if (bucket.length > 0) return;
    this.#buckets.delete(length);
    this.#lengths.splice(countBelow(this.#lengths, length), 1);
  }
}

/** A transmit-limited queue of encoded messages. */
export class Broadcasts {
  readonly #max: number;
  readonly #tiers: Tier[] = [];
  readonly #byName: Map<string, Entry> = new Map();
  // Never reset: Go resets it when the queue empties, and entries then overwrite each other (memberlist.md 8.3, 2).
  #id = 0;
  #size = 0;
  #bytes = 0;

  /** Holds at most `max` entries. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Entries waiting. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of all entries waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Queues a message, in place of an older one of the same name. Answers how many had to go to make room. */
  add(name: string | undefined, bytes: Uint8Array, watch?: BroadcastWatch): number {
    const old = name === undefined ? undefined : this.#byName.get(name);
    const entry: Entry = { name, bytes, id: ++this.#id, watch, transmits: 0 };
    this.#insert(entry);
    if (old !== undefined) this.#drop(old);
    if (name !== undefined) this.#byName.set(name, entry);
    return this.prune(this.#max);
  }

  /**
   * Takes what fits into `room` bytes, each message costing `overhead` more, in order; every taken message counts
   * one transmission and is dropped once it has `limit` of them. Appends to `out` until that holds `partsMax`;
   * answers the bytes used.
   */
  take(
    room: number,
    overhead: number,
    limit: number,
    out: Uint8Array[],
    partsMax: number = Infinity,
  ): number {
    if (this.#size === 0) return 0;
    let used = 0;
    const taken: Entry[] = [];
    for (const tier of this.#tiers) {
      while (out.length + taken.length < partsMax) {
        const entry = tier.take(room - used - overhead);
        if (entry === undefined) break;
        used += overhead + entry.bytes.length;
        taken.push(entry);
      }
    }
    for (const entry of taken) {
      out.push(entry.bytes);
      this.#transmitted(entry, limit);
    }
    return used;
  }

  /** Drops the last in order until `max` are left; answers how many went. */
  prune(max: number): number {
    let dropped = 0;
    for (let i = this.#tiers.length - 1; i >= 0 && this.#size > max; i--) {
      const tier = this.#tiers[i] as Tier;
      for (let last = tier.last(); last !== undefined && this.#size > max; last = tier.last()) {
        this.#drop(last);
        dropped++;
      }
    }
    return dropped;
  }

  /** Whether news about `name` waits. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  #transmitted(entry: Entry, limit: number): void {
    entry.transmits++;
    entry.watch?.sent(entry.transmits);
    if (entry.transmits < limit) {
      this.#tier(entry.transmits).add(entry);
      return;
    }
    this.#forget(entry);
    entry.watch?.finished();
  }

  #insert(entry: Entry): void {
    this.#tier(entry.transmits).add(entry);
    this.#size++;
    this.#bytes += entry.bytes.length;
  }

  #drop(entry: Entry): void {
    this.#tier(entry.transmits).remove(entry);
    this.#forget(entry);
    entry.watch?.finished();
  }

  #forget(entry: Entry): void {
    this.#size--;
    this.#bytes -= entry.bytes.length;
    if (entry.name !== undefined && this.#byName.get(entry.name) === entry) {
      this.#byName.delete(entry.name);
    }
  }

  #tier(transmits: number): Tier {
    while (this.#tiers.length <= transmits) this.#tiers.push(new Tier());
    return this.#tiers[transmits] as Tier;
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
function placeOf(bucket: readonly Entry[], id: number): number {
  let low = 0;
  let high = bucket.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bucket[middle] as Entry).id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
