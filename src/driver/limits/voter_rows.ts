/**
 * A voter's memory as rows of a storage: one for each shard, one for each window of each limit.
 *
 * @module
 */

import type { Epoch, LedgerSlice, VoterList } from "../../core/limits/leased/contract.ts";
import type { VoterRecord } from "../../core/limits/leased/voter.ts";
import { storedShard, storedSlice } from "./leased_shapes.ts";

/** The type of the rows. */
export const VOTER_TYPE = "_voter";

/** Key of the row with the id under which this storage votes. */
const ID_KEY = "id";

/** Where rows go. */
export interface RowStore {
  /** The row is this now. */
  put(key: string, bytes: Uint8Array): void;
  /** The row goes. */
  remove(key: string): void;
  /** Resolves once everything put so far is stored; rejects when it can't be any more. */
  flushed(): Promise<void>;
}

/** A row as it was stored. */
export interface VoterRow {
  readonly key: string;
  readonly bytes: Uint8Array;
}

interface StoredShard {
  readonly shard: number;
  readonly promise: Epoch;
  readonly list?: VoterList;
}

interface StoredSlice {
  readonly shard: number;
  readonly promise: Epoch;
  readonly slice: LedgerSlice;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** See the module. */
export class VoterRows {
  /** The id under which this storage votes: whoever forgets is another voter. */
  readonly id: string;
  /** What was stored. */
  readonly records: readonly VoterRecord[];
  /** Rows that do not decode: what they said is lost, so that this storage votes under a new id. */
  readonly unreadable: number;
  readonly #store: RowStore;
  readonly #lists: Map<number, VoterList> = new Map();
  /** Windows with a row, by limit. */
  readonly #orders: Map<string, Set<number>> = new Map();

  /** Takes over what was stored; without an id, or with rows that do not decode, it begins anew as `freshId`. */
  constructor(store: RowStore, rows: readonly VoterRow[], freshId: string) {
    this.#store = store;
    let id: string | undefined;
    let unreadable = 0;
    const records: VoterRecord[] = [];
    for (const { key, bytes } of rows) {
      if (key === ID_KEY) {
        id = decoder.decode(bytes);
        continue;
      }
      const record = this.#read(bytes);
      if (record === undefined) unreadable++;
      else records.push(record);
    }
    const isWhole = id !== undefined && unreadable === 0;
    if (!isWhole) { for (const { key } of rows) store.remove(key); }
    this.id = isWhole && id !== undefined ? id : freshId;
    this.records = isWhole ? records : [];
    this.unreadable = unreadable;
    if (isWhole) return;
    this.#lists.clear();
    this.#orders.clear();
    store.put(ID_KEY, encoder.encode(freshId));
  }

  /** Writes down a change. */
  keep({ shard, promise, list, slices }: VoterRecord): void {
    if (list !== undefined) this.#lists.set(shard, list);
    const known = this.#lists.get(shard);
    this.#put(
      `shard/${shard}`,
      known === undefined ? { shard, promise } : { shard, promise, list: known },
    );
    for (const slice of slices) {
      this.#put(sliceKey(slice.limit, slice.window.order), { shard, promise, slice });
      this.#prune(slice);
    }
  }

  /** A limit was deleted so long ago that nobody grants of it any more. */
  forget(limit: string): void {
    for (const order of this.#orders.get(limit) ?? []) this.#store.remove(sliceKey(limit, order));
    this.#orders.delete(limit);
  }

  /** Resolves once everything kept so far is stored. */
  flushed(): Promise<void> {
    return this.#store.flushed();
  }

  #put(key: string, value: StoredShard | StoredSlice): void {
    this.#store.put(key, encoder.encode(JSON.stringify(value)));
  }

  /** Rows of windows that the newest row says are closed are not needed any more. */
  #prune({ limit, window: { order }, closed = -Infinity }: LedgerSlice): void {
    let orders = this.#orders.get(limit);
    if (orders === undefined) this.#orders.set(limit, orders = new Set());
    orders.add(order);
    for (const each of orders) {
      if (each > closed || each === order) continue;
      orders.delete(each);
      this.#store.remove(sliceKey(limit, each));
    }
  }

  #read(bytes: Uint8Array): VoterRecord | undefined {
    let value: unknown;
    try {
      value = JSON.parse(decoder.decode(bytes));
    } catch {
      return undefined;
    }
    if (storedSlice(value)) {
      const { shard, promise, slice } = value as StoredSlice;
      const { limit, window: { order } } = slice;
      const orders = this.#orders.get(limit);
      if (orders === undefined) this.#orders.set(limit, new Set([order]));
      else orders.add(order);
      return { shard, promise, slices: [slice] };
    }
    if (!storedShard(value)) return undefined;
    const { shard, promise, list } = value as StoredShard;
    if (list === undefined) return { shard, promise, slices: [] };
    this.#lists.set(shard, list);
    return { shard, promise, list, slices: [] };
  }
}

function sliceKey(limit: string, order: number): string {
  return `window/${order}/${limit}`;
}
