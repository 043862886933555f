/**
 * The root's role, for every shard this node owns: run for office, hold it, lose it.
 *
 * Owning a shard is no right, only the duty to try: what orders the roots of a shard are epochs and quorums. A root that
 * is no owner any more serves on until a later one took office, so that a change of the membership costs nobody a grant.
 *
 * @module
 */

import type { Machine, Millis, Tick } from "../../machine.ts";
import type { Rng } from "../../rng.ts";
import { Candidacy, type CandidacyOutcome } from "./candidacy.ts";
import {
  type Epoch,
  LEASED_DEFAULTS,
  type LeasedConfig,
  type LeasedLimitFacts,
  type LeasedMember,
  type LeasedSelf,
  type VoterList,
} from "./contract.ts";
import type { Ask, Refused, ToRoot } from "./messages.ts";
import { Office } from "./office.ts";
import { shardOf } from "../rendezvous.ts";
import { type RootEffect, RootWorld } from "./root_world.ts";
import { LEASED_RULES, type LeasedRules } from "./rules.ts";

/** What goes into a root. */
export type RootInput =
  | Tick
  | { readonly type: "message"; readonly from: string; readonly message: ToRoot }
  /** This node is, or is no longer, the rendezvous owner of a shard. */
  | { readonly type: "owner"; readonly shard: number; readonly isOwner: boolean }
  | { readonly type: "members"; readonly members: readonly LeasedMember[] }
  /** A limit is this now. */
  | { readonly type: "limit"; readonly limit: LeasedLimitFacts }
  /** A limit is gone. */
  | { readonly type: "noLimit"; readonly key: string }
  /**
   * An operator says that a majority of the voters has lost its memory for good: make a list of whoever is alive now.
   * What the running windows have admitted may be admitted once more. Only the owner of the shard takes notice.
   */
  | { readonly type: "force"; readonly shard: number }
  /** Cluster time is `now` plus this. */
  | { readonly type: "clock"; readonly offsetMs: Millis };

/** How a root is made. */
export interface RootOptions {
  readonly self: LeasedSelf;
  readonly rng: Rng;
  readonly config?: Partial<LeasedConfig>;
  readonly rules?: LeasedRules;
}

interface Shard {
  isOwner: boolean;
  /** An operator asked for a new list; until there is one. */
  isForced: boolean;
  role: Candidacy | Office | undefined;
  /** Highest number of an epoch heard of. */
  seen: number;
  /** No attempt before. */
  waitUntil: Millis;
}

/** See the module. */
export class Root implements Machine<RootInput, RootEffect> {
  readonly #world: RootWorld;
  readonly #shards: Map<number, Shard> = new Map();

  /** Owns nothing yet. */
  constructor({ self, rng, config, rules }: RootOptions) {
    const settings = { ...LEASED_DEFAULTS, ...config };
    this.#world = new RootWorld(self, settings, rules ?? LEASED_RULES, rng);
  }

  handle(input: RootInput, now: Millis, out: RootEffect[]): void {
    switch (input.type) {
      case "tick":
        for (const [shard, state] of this.#shards) this.#tick(shard, state, now);
        break;
      case "message":
        this.#message(input.message, input.from, now);
        break;
      case "owner":
        this.#own(input.shard, input.isOwner, now);
        break;
      case "members":
        this.#world.setMembers(input.members);
        for (const [shard, state] of this.#shards) {
          if (state.role instanceof Office) state.role.members(now);
          else if (state.role !== undefined) {
            this.#went(shard, state, state.role, state.role.members(), now);
          }
        }
        break;
      case "limit":
        this.#world.limits.set(input.limit.key, input.limit);
        this.#office(input.limit.key)?.limit(input.limit);
        break;
      case "noLimit":
        this.#world.limits.delete(input.key);
        break;
      case "force":
        this.#force(input.shard, now);
        break;
      case "clock":
        this.#world.offsetMs = input.offsetMs;
        break;
    }
    for (const { role } of this.#shards.values()) if (role instanceof Office) role.flush();
    this.#world.drain(out);
  }

  nextDeadline(): Millis | undefined {
    let next: Millis | undefined;
    for (const { role, isOwner, waitUntil } of this.#shards.values()) {
      if (role === undefined && !isOwner) continue;
      const at = role === undefined ? waitUntil : role.deadline;
      if (next === undefined || at < next) next = at;
    }
    return next;
  }

  /** The office held for a shard. */
  office(shard: number): Office | undefined {
    const role = this.#shards.get(shard)?.role;
    return role instanceof Office ? role : undefined;
  }

  /** Newest list that a root or candidate here knows of a shard. */
  list(shard: number): VoterList | undefined {
    return this.#shards.get(shard)?.role?.list;
  }

  #office(key: string): Office | undefined {
    return this.office(shardOf(key));
  }

  #message(message: ToRoot, from: string, now: Millis): void {
    if (message.type === "ask") return this.#ask(message, from, now);
    const { shard } = message;
    const state = this.#shards.get(shard);
    if (state === undefined) return;
    if (message.type === "refused") return this.#refused(state, message, now);
    const { role } = state;
    if (role === undefined || !isSame(role.epoch, message.epoch)) return;
    if (message.type === "promised") {
      if (role instanceof Candidacy) this.#went(shard, state, role, role.promised(message), now);
    } else if (role instanceof Office) role.stored(message, now);
    else this.#went(shard, state, role, role.stored(message), now);
  }

  #ask(ask: Ask, from: string, now: Millis): void {
    for (const item of ask.items) {
      const office = this.#office(item.limit);
      if (office !== undefined) office.ask(ask, item, from, now);
      else if (item.want >= 0) {
        this.#world.answer(from, ask.boot, ask.sentMs, { type: "later", limit: item.limit });
      }
    }
  }

  /** Somebody promised a later epoch: this one is over. */
  #refused(state: Shard, { epoch, promised }: Refused, now: Millis): void {
    state.seen = Math.max(state.seen, promised.number);
    if (state.role === undefined || !isSame(state.role.epoch, epoch)) return;
    state.role = undefined;
    this.#backOff(state, now);
  }

  #own(shard: number, isOwner: boolean, now: Millis): void {
    let state = this.#shards.get(shard);
    if (state === undefined) {
      if (!isOwner) return;
      state = { isOwner, isForced: false, role: undefined, seen: 0, waitUntil: now };
      this.#shards.set(shard, state);
    }
    state.isOwner = isOwner;
    if (!isOwner && state.role instanceof Candidacy) state.role = undefined;
    this.#tick(shard, state, now);
  }

  #force(shard: number, now: Millis): void {
    const state = this.#shards.get(shard);
    if (state === undefined || !state.isOwner) return;
    state.isForced = true;
    state.role = undefined;
    state.waitUntil = now;
    this.#tick(shard, state, now);
  }

  #tick(shard: number, state: Shard, now: Millis): void {
    if (state.role !== undefined) state.role.tick(now);
    else if (state.isOwner && now >= state.waitUntil) {
      const { node, boot } = this.#world.self;
      const epoch = { number: ++state.seen, node, boot };
      state.role = new Candidacy(this.#world, shard, epoch, now, state.isForced);
    }
  }

  #went(
    shard: number,
    state: Shard,
    { epoch }: Candidacy,
    outcome: CandidacyOutcome,
    now: Millis,
  ): void {
    if (outcome === undefined) return;
    if (outcome === "again") {
      state.role = undefined;
      this.#backOff(state, now);
      return;
    }
    const { list, slices } = outcome;
    state.isForced = false;
    state.role = new Office(this.#world, shard, epoch, list, slices, now);
  }

  #backOff(state: Shard, now: Millis): void {
    const { retryMs, backOffMs } = this.#world.config;
    const leastMs = Math.min(retryMs, backOffMs) / 4;
    state.waitUntil = now + this.#world.rng.between(leastMs, backOffMs);
  }
}

function isSame(a: Epoch, b: Epoch): boolean {
  return a.number === b.number && a.node === b.node && a.boot === b.boot;
}
