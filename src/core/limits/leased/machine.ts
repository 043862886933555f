/**
 * All three roles of one node behind one door: what they say to one another on the same node goes no further.
 *
 * @module
 */

import type { Machine, Millis, Tick } from "../../machine.ts";
import type { Rng } from "../../rng.ts";
import { ownerOf, SHARDS } from "../rendezvous.ts";
import {
  type LeasedConfig,
  type LeasedLimitFacts,
  type LeasedMember,
  type LeasedSelf,
} from "./contract.ts";
import { Holder, type HolderEffect } from "./holder.ts";
import type { LeasedLimit } from "./leased_limit.ts";
import type { LeasedMessage } from "./messages.ts";
import { Root } from "./root.ts";
import type { RootEffect } from "./root_world.ts";
import type { LeasedRules } from "./rules.ts";
import { Voter, type VoterEffect, type VoterRecord } from "./voter.ts";

/** What goes into a node. */
export type LeasedInput =
  | Tick
  /** `from` is the node id that the link vouches for. */
  | { readonly type: "message"; readonly from: string; readonly message: LeasedMessage }
  /** Everybody, ourselves included; those who left as long as the membership remembers them. */
  | { readonly type: "members"; readonly members: readonly LeasedMember[] }
  | { readonly type: "limit"; readonly limit: LeasedLimitFacts }
  | { readonly type: "noLimit"; readonly key: string }
  /** The limit was deleted beyond the horizon: voters forget it too. */
  | { readonly type: "forget"; readonly limit: string }
  /** Cluster time is `now` plus this; whenever it changes. */
  | { readonly type: "clock"; readonly offsetMs: Millis }
  | { readonly type: "persisted"; readonly number: number }
  /** A new list by an operator's word. */
  | { readonly type: "force"; readonly shard: number }
  | { readonly type: "leave" };

/** What comes out of a node. */
export type LeasedEffect =
  | { readonly type: "send"; readonly to: string; readonly message: LeasedMessage }
  | { readonly type: "persist"; readonly number: number; readonly record: VoterRecord }
  | { readonly type: "granted"; readonly limit: string };

/** How a node is made. */
export interface LeasedOptions {
  readonly self: LeasedSelf;
  readonly rng: Rng;
  readonly config?: Partial<LeasedConfig>;
  /** Whether the voter's memory outlives the process; then `self.voter` is the id of the store. */
  readonly hasStorage?: boolean;
  readonly records?: readonly VoterRecord[];
  readonly rules?: LeasedRules;
}

type AnyEffect = VoterEffect | RootEffect | HolderEffect;

/** See the module. */
export class Leased implements Machine<LeasedInput, LeasedEffect> {
  readonly voter: Voter;
  readonly root: Root;
  readonly holder: Holder;
  readonly #node: string;
  readonly #shards: number;
  readonly #produced: AnyEffect[] = [];
  readonly #own: LeasedMessage[] = [];

  /** Knows nobody but itself, and no limit. `shards` is less than {@linkcode SHARDS} only to simulate few. */
  constructor(options: LeasedOptions, shards: number = SHARDS) {
    const { self, rng, config = {}, hasStorage = false, records = [], rules } = options;
    const ruled = rules === undefined ? {} : { rules };
    this.#node = self.node;
    this.#shards = shards;
    this.voter = new Voter({ self, hasStorage, records, ...ruled });
    this.root = new Root({ self, rng, config, ...ruled });
    this.holder = new Holder({ self, config });
  }

  /** A limit to decide by; keep it and ask it directly, then look at {@linkcode nextDeadline}. */
  limit(key: string): LeasedLimit | undefined {
    return this.holder.limit(key);
  }

  /** After `leave`: whether everything is given back and no list needs this voter any more. */
  get isDrained(): boolean {
    return this.holder.isDrained && this.voter.isFree;
  }

  handle(input: LeasedInput, now: Millis, out: LeasedEffect[]): void {
    switch (input.type) {
      case "tick":
        this.holder.handle(input, now, this.#produced as HolderEffect[]);
        this.root.handle(input, now, this.#produced as RootEffect[]);
        break;
      case "message":
        this.#deliver(input.from, input.message, now);
        break;
      case "members":
        this.#members(input.members, now);
        break;
      case "limit":
      case "noLimit":
        this.root.handle(input, now, this.#produced as RootEffect[]);
        this.holder.handle(input, now, this.#produced as HolderEffect[]);
        break;
      case "clock":
        this.voter.handle(input, now, this.#produced as VoterEffect[]);
        this.root.handle(input, now, this.#produced as RootEffect[]);
        this.holder.handle(input, now, this.#produced as HolderEffect[]);
        break;
      case "force":
        this.root.handle(input, now, this.#produced as RootEffect[]);
        break;
      case "persisted":
      case "forget":
        this.voter.handle(input, now, this.#produced as VoterEffect[]);
        break;
      case "leave":
        this.holder.handle(input, now, this.#produced as HolderEffect[]);
        break;
    }
    this.#drain(now, out);
  }

  nextDeadline(): Millis | undefined {
    const root = this.root.nextDeadline();
    const holder = this.holder.nextDeadline();
    if (root === undefined || holder === undefined) return root ?? holder;
    return Math.min(root, holder);
  }

  #members(members: readonly LeasedMember[], now: Millis): void {
    const nodes = members.filter(({ state }) => state === "alive").map(({ node }) => node);
    const roots: (string | undefined)[] = [];
    const out = this.#produced;
    this.root.handle({ type: "members", members }, now, out as RootEffect[]);
    for (let shard = 0; shard < this.#shards; shard++) {
      const owner = ownerOf(shard, nodes);
      roots.push(owner);
      const isOwner = owner === this.#node;
      this.root.handle({ type: "owner", shard, isOwner }, now, out as RootEffect[]);
    }
    this.holder.handle({ type: "roots", roots, alive: nodes.length }, now, out as HolderEffect[]);
  }

  #deliver(from: string, message: LeasedMessage, now: Millis): void {
    const out = this.#produced;
    switch (message.type) {
      case "prepare":
      case "store":
        return this.voter.handle({ type: "message", from, message }, now, out as VoterEffect[]);
      case "answer":
        return this.holder.handle({ type: "message", message }, now, out as HolderEffect[]);
      default:
        return this.root.handle({ type: "message", from, message }, now, out as RootEffect[]);
    }
  }

  /** Hands effects on, and our own messages to ourselves, until there are none. */
  #drain(now: Millis, out: LeasedEffect[]): void {
    do {
      for (const effect of this.#produced) {
        if (effect.type === "send" && effect.to === this.#node) this.#own.push(effect.message);
        else out.push(effect);
      }
      this.#produced.length = 0;
      const message = this.#own.shift();
      if (message !== undefined) this.#deliver(this.#node, message, now);
    } while (this.#produced.length > 0 || this.#own.length > 0);
  }
}
