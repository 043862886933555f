/**
 * What a root knows of the world, shared by all shards of a node.
 *
 * @module
 */

import type { Millis } from "../../machine.ts";
import type { Rng } from "../../rng.ts";
import type { LeasedConfig, LeasedLimitFacts, LeasedMember, LeasedSelf } from "./contract.ts";
import type { AnswerItem, LeasedMessage } from "./messages.ts";
import type { Electorate, LeasedRules } from "./rules.ts";

/** What comes out of a root. */
export interface RootEffect {
  readonly type: "send";
  /** Node id. */
  readonly to: string;
  readonly message: LeasedMessage;
}

interface Outgoing {
  readonly node: string;
  readonly boot: string;
  readonly sentMs: Millis;
  readonly items: AnswerItem[];
}

/** See the module. */
export class RootWorld {
  readonly self: LeasedSelf;
  readonly config: LeasedConfig;
  readonly rules: LeasedRules;
  readonly rng: Rng;
  /** By key. */
  readonly limits: Map<string, LeasedLimitFacts> = new Map();
  members: readonly LeasedMember[] = [];
  /** How many members are alive. */
  alive = 0;
  electorate: Electorate;
  /** Cluster time is `now` plus this. */
  offsetMs: Millis = 0;
  #alive: ReadonlySet<string> = new Set();
  readonly #effects: RootEffect[] = [];
  readonly #answers: Map<string, Outgoing> = new Map();

  /** Knows nobody yet. */
  constructor(self: LeasedSelf, config: LeasedConfig, rules: LeasedRules, rng: Rng) {
    this.self = self;
    this.config = config;
    this.rules = rules;
    this.rng = rng;
    this.electorate = { known: [], alive: [], expectedNodes: config.expectedNodes };
  }

  /** Replaces the members. */
  setMembers(members: readonly LeasedMember[]): void {
    this.members = members;
    const alive = members.filter(({ state }) => state === "alive");
    this.alive = alive.length;
    this.#alive = new Set(
      members.filter(({ state }) => state === "alive" || state === "leaving").map((m) => m.voter),
    );
    this.electorate = {
      known: members.filter(({ state }) => state !== "left").map(({ voter }) => voter),
      alive: alive.map(({ voter }) => voter),
      expectedNodes: this.config.expectedNodes,
    };
  }

  /** Whether a voter is there to answer. */
  isAlive(voter: string): boolean {
    return this.#alive.has(voter);
  }

  /** Sends a message. */
  send(to: string, message: LeasedMessage): void {
    this.#effects.push({ type: "send", to, message });
  }

  /** Adds to the answer to a holder's message. */
  answer(node: string, boot: string, sentMs: Millis, item: AnswerItem): void {
    const key = `${sentMs}|${boot}`;
    const outgoing = this.#answers.get(key);
    if (outgoing === undefined) this.#answers.set(key, { node, boot, sentMs, items: [item] });
    else outgoing.items.push(item);
  }

  /** Hands over what is to be sent. */
  drain(out: RootEffect[]): void {
    const { ttlMs } = this.config;
    for (const { node, boot, sentMs, items } of this.#answers.values()) {
      this.send(node, { type: "answer", boot, sentMs, ttlMs, items });
    }
    this.#answers.clear();
    for (const effect of this.#effects) out.push(effect);
    this.#effects.length = 0;
  }
}
