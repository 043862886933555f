/**
 * The queue of what is to be gossiped: each entry is sent a limited number of times (memberlist.md 4.5).
 *
 * Order: fewer transmissions first, then longer, then newer. Entries live in tiers by transmissions, inside by
 * length, so that a fetch looks only at what it takes.
 *
 * @module
 */

import type { Address } from "../machine.ts";
import { Audience, type BroadcastEntry, type BroadcastWatch, type Recipient } from "./audience.ts";
import { BroadcastTier } from "./broadcast_tier.ts";

const NOBODY: readonly Address[] = [];

/** A transmit-limited queue of encoded messages. */
export class Broadcasts {
  readonly #max: number;
  readonly #tiers: BroadcastTier[] = [];
  readonly #byName: Map<string, BroadcastEntry> = new Map();
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

  /**
   * Queues a message, in place of an older one of the same name; `knownBy` lists who needs it least. Answers how many
   * had to go to make room.
   */
  add(
    name: string | undefined,
    bytes: Uint8Array,
    watch?: BroadcastWatch,
    knownBy: readonly Address[] = NOBODY,
  ): number {
    const old = name === undefined ? undefined : this.#byName.get(name);
    const told = [...knownBy];
    const entry: BroadcastEntry = { name, bytes, id: ++this.#id, watch, transmits: 0, told };
    this.#insert(entry);
    if (old !== undefined) this.#drop(old);
    if (name !== undefined) this.#byName.set(name, entry);
    return this.prune(this.#max);
  }

  /**
   * Takes what fits into `room` bytes, each message costing `overhead` more, in order; every taken message counts
   * one transmission and is dropped once it has `limit` of them. Appends to `out` until that holds `partsMax`;
   * answers the bytes used. What `to` has already waits for somebody who lacks it, as long as there is anybody: Go draws
   * blindly, and with few transmissions a member is then left out until the next exchange of state.
   */
  take(
    room: number,
    overhead: number,
    limit: number,
    out: Uint8Array[],
    partsMax: number = Infinity,
    to?: Recipient,
  ): number {
    if (this.#size === 0) return 0;
    let used = 0;
    const taken: BroadcastEntry[] = [];
    const audience = new Audience(to);
    for (const tier of this.#tiers) {
      while (out.length + taken.length < partsMax && !audience.exhausted) {
        const entry = tier.take(room - used - overhead, audience);
        if (entry === undefined) break;
        used += overhead + entry.bytes.length;
        taken.push(entry);
      }
    }
    for (const entry of taken) {
      out.push(entry.bytes);
      audience.note(entry);
      if (audience.counts) this.#transmitted(entry, limit);
      else this.#tier(entry.transmits).add(entry);
    }
    return used;
  }

  /** Drops the last in order until `max` are left; answers how many went. */
  prune(max: number): number {
    let dropped = 0;
    for (let i = this.#tiers.length - 1; i >= 0 && this.#size > max; i--) {
      const tier = this.#tiers[i] as BroadcastTier;
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

  #transmitted(entry: BroadcastEntry, limit: number): void {
    entry.transmits++;
    entry.watch?.sent(entry.transmits);
    if (entry.transmits < limit) {
      this.#tier(entry.transmits).add(entry);
      return;
    }
    this.#forget(entry);
    entry.watch?.finished();
  }

  #insert(entry: BroadcastEntry): void {
    this.#tier(entry.transmits).add(entry);
    this.#size++;
    this.#bytes += entry.bytes.length;
  }

  #drop(entry: BroadcastEntry): void {
    this.#tier(entry.transmits).remove(entry);
    this.#forget(entry);
    entry.watch?.finished();
  }

  #forget(entry: BroadcastEntry): void {
    this.#size--;
    this.#bytes -= entry.bytes.length;
    if (entry.name !== undefined && this.#byName.get(entry.name) === entry) {
      this.#byName.delete(entry.name);
    }
  }

  #tier(transmits: number): BroadcastTier {
    while (this.#tiers.length <= transmits) this.#tiers.push(new BroadcastTier());
    return this.#tiers[transmits] as BroadcastTier;
  }
}
