/**
 * The voter: remembers promises and grants for all shards, and hands both over to the next root.
 *
 * Invariant: after it has promised an epoch it stores nothing of a lower one; what it answered for it still knows, for
 * as long as anybody counts it as a voter. A node without storage therefore votes under its boot id, and what it forgot
 * nobody asks it for; with storage every change is written before the answer leaves.
 *
 * @module
 */

import type { Machine, Millis } from "../../machine.ts";
import type { Epoch, LeasedSelf, LedgerSlice, VoterList } from "./contract.ts";
import { newerList } from "./epoch.ts";
import type { LeasedMessage, Prepare, Store, ToVoter, Verdict } from "./messages.ts";
import { LEASED_RULES, type LeasedRules } from "./rules.ts";
import { VoterLedger } from "./voter_ledger.ts";

/** One change of a voter's memory. Taking all of them back, in any order and some twice, restores it. */
export interface VoterRecord {
  readonly shard: number;
  readonly promise: Epoch;
  readonly list?: VoterList;
  readonly slices: readonly LedgerSlice[];
}

/** What goes into a voter. */
export type VoterInput =
  | { readonly type: "message"; readonly from: string; readonly message: ToVoter }
  /** Every record up to this number is safe. */
  | { readonly type: "persisted"; readonly number: number }
  /** Cluster time is `now` plus this. */
  | { readonly type: "clock"; readonly offsetMs: Millis }
  /** The limit was deleted beyond the horizon. */
  | { readonly type: "forget"; readonly limit: string };

/** What comes out. */
export type VoterEffect =
  | { readonly type: "send"; readonly to: string; readonly message: LeasedMessage }
  /** Write this down and say `persisted`; numbers ascend. Only of voters with storage. */
  | { readonly type: "persist"; readonly number: number; readonly record: VoterRecord };

/** How a voter is made. */
export interface VoterOptions {
  readonly self: LeasedSelf;
  readonly hasStorage: boolean;
  /** What storage holds, in any order. */
  readonly records?: readonly VoterRecord[];
  readonly rules?: LeasedRules;
}

interface ShardMemory {
  promise: Epoch | undefined;
  list: VoterList | undefined;
  readonly ledger: VoterLedger;
}

/** See the module. */
export class Voter implements Machine<VoterInput, VoterEffect> {
  readonly #self: LeasedSelf;
  readonly #hasStorage: boolean;
  readonly #rules: LeasedRules;
  readonly #shards: Map<number, ShardMemory> = new Map();
  /** Answers that wait for their record; oldest first. */
  readonly #held: { readonly number: number; readonly effect: VoterEffect }[] = [];
  #number = 0;
  #persisted = 0;
  #offsetMs: Millis = 0;

  /** Remembers what the records say. */
  constructor(options: VoterOptions) {
    this.#self = options.self;
    this.#hasStorage = options.hasStorage;
    this.#rules = options.rules ?? LEASED_RULES;
    for (const record of options.records ?? []) this.#restore(record);
  }

  handle(input: VoterInput, now: Millis, out: VoterEffect[]): void {
    if (input.type === "clock") this.#offsetMs = input.offsetMs;
    else if (input.type === "persisted") this.#release(input.number, out);
    else if (input.type === "forget") {
      for (const { ledger } of this.#shards.values()) ledger.forget(input.limit);
    } else if (input.message.type === "prepare") this.#prepare(input.message, input.from, out);
    else this.#store(input.message, input.from, now, out);
  }

  nextDeadline(): Millis | undefined {
    return undefined;
  }

  /** Newest list known of a shard. */
  list(shard: number): VoterList | undefined {
    return this.#shards.get(shard)?.list;
  }

  /** Whether no list known here names this voter: then it may go. */
  get isFree(): boolean {
    for (const { list } of this.#shards.values()) {
      for (const { id } of [...list?.voters ?? [], ...list?.before ?? []]) {
        if (id === this.#self.voter) return false;
      }
    }
    return true;
  }

  #prepare({ shard, epoch }: Prepare, from: string, out: VoterEffect[]): void {
    const memory = this.#memory(shard);
    if (this.#refuses(memory, shard, epoch, from, out)) return;
    const { list } = memory;
    const slices = memory.ledger.slices();
    const voter = this.#self.voter;
    const message = { type: "promised", shard, epoch, voter, slices } as const;
    this.#answer(
      out,
      { type: "send", to: from, message: list === undefined ? message : { ...message, list } },
      { shard, promise: epoch, slices: [] },
    );
  }

  #store(message: Store, from: string, now: Millis, out: VoterEffect[]): void {
    const { shard, epoch, list } = message;
    if (message.voter !== this.#self.voter) return;
    const memory = this.#memory(shard);
    if (this.#refuses(memory, shard, epoch, from, out)) return;
    memory.list = newerList(list, memory.list) as VoterList;
    const kept: LedgerSlice[] = [];
    const verdicts: Verdict[] = [];
    for (const slice of message.slices) {
      const verdict = memory.ledger.store(slice, now + this.#offsetMs);
      const { limit, seq, window: { order } } = slice;
      const terms = verdict === "version" ? memory.ledger.terms(limit) : undefined;
      const said = { limit, order, seq, verdict };
      verdicts.push(terms === undefined ? said : { ...said, terms });
      if (!this.#hasStorage || verdict === "early" || verdict === "version") continue;
      const stored = memory.ledger.slice(limit, order);
      if (stored !== undefined) kept.push(stored);
    }
    const voter = this.#self.voter;
    const listNumber = list.number;
    this.#answer(
      out,
      {
        type: "send",
        to: from,
        message: { type: "stored", shard, epoch, voter, listNumber, verdicts },
      },
      { shard, promise: epoch, list: memory.list, slices: kept },
    );
  }

  /** Promises the epoch, unless a later one is promised. */
  #refuses(
    memory: ShardMemory,
    shard: number,
    epoch: Epoch,
    to: string,
    out: VoterEffect[],
  ): boolean {
    const { promise: promised } = memory;
    if (promised !== undefined && this.#rules.compareEpochs(epoch, promised) < 0) {
      out.push({ type: "send", to, message: { type: "refused", shard, epoch, promised } });
      return true;
    }
    memory.promise = epoch;
    return false;
  }

  #answer(out: VoterEffect[], effect: VoterEffect, record: VoterRecord): void {
    if (!this.#hasStorage) {
      out.push(effect);
      return;
    }
    const number = ++this.#number;
    this.#held.push({ number, effect });
    out.push({ type: "persist", number, record });
  }

  #release(number: number, out: VoterEffect[]): void {
    this.#persisted = Math.max(this.#persisted, number);
    let count = 0;
    for (const held of this.#held) {
      if (held.number > this.#persisted) break;
      out.push(held.effect);
      count++;
    }
    this.#held.splice(0, count);
  }

  #restore({ shard, promise, list, slices }: VoterRecord): void {
    const memory = this.#memory(shard);
    const { promise: known } = memory;
    if (known === undefined || this.#rules.compareEpochs(promise, known) > 0) {
      memory.promise = promise;
    }
    memory.list = newerList(list, memory.list);
    for (const slice of slices) memory.ledger.restore(slice);
  }

  #memory(shard: number): ShardMemory {
    let memory = this.#shards.get(shard);
    if (memory === undefined) {
      memory = { promise: undefined, list: undefined, ledger: new VoterLedger() };
      this.#shards.set(shard, memory);
    }
    return memory;
  }
}
