/**
 * What all parts of the owner machine of one node share.
 *
 * @module
 */

import type { Millis, WallMillis } from "../../machine.ts";
import { parseCellKey } from "../cell_key.ts";
import type { WriterId } from "../contract.ts";
import type { ResolvedLimit } from "../definition.ts";
import { shardOf, SHARDS } from "../rendezvous.ts";
import { Windows } from "../windows.ts";
import {
  OWNER_DEFAULTS,
  type OwnerConfig,
  type OwnerCounters,
  type OwnerEffect,
  type OwnerOptions,
} from "./contract.ts";
import type { OwnerMessage } from "./messages.ts";
import { Roster } from "./roster.ts";
import { OWNER_RULES, type OwnerRules } from "./rules.ts";

/** See the module. */
export class OwnerWorld {
  readonly self: WriterId;
  /** In whose name this machine writes cells: the limits machine of the same boot has its own. */
  readonly writer: WriterId;
  readonly config: OwnerConfig;
  readonly rules: OwnerRules;
  readonly windows: Windows;
  readonly roster: Roster;
  readonly shards: number;
  readonly limits: Map<string, ResolvedLimit> = new Map();
  readonly effects: OwnerEffect[] = [];
  readonly counters: OwnerCounters = {
    admitted: 0,
    refused: 0,
    givenUp: 0,
    repeats: 0,
    timedOut: 0,
    offices: 0,
    cellsRefused: 0,
    cellsMalformed: 0,
    correctionsLost: 0,
  };
  isLeaving = false;
  now: Millis = 0;
  /** Cluster time; never goes back. */
  wallMs: WallMillis = -Infinity;
  #wallOffset = 0;

  /** Knows nobody but itself, and no limit. */
  constructor(
    { self, calendar, config = {} }: OwnerOptions,
    rules: OwnerRules = OWNER_RULES,
    shards: number = SHARDS,
  ) {
    this.shards = shards;
    this.self = { node: self.node, boot: self.boot };
    this.writer = { node: self.node, boot: `${self.boot}/owner` };
    this.config = { ...OWNER_DEFAULTS, ...config };
    this.rules = rules;
    this.windows = new Windows(calendar);
    this.roster = new Roster(this.self, shards);
  }

  /** Time has passed. */
  advance(now: Millis, wallMs: WallMillis = now + this.#wallOffset): void {
    this.now = now;
    this.#wallOffset = wallMs - now;
    if (wallMs > this.wallMs) this.wallMs = wallMs;
  }

  /** The shard of a limit. */
  shardOf(limit: string): number {
    return shardOf(limit) % this.shards;
  }

  /** The shard of a cell; `undefined` when the key is none. */
  shardOfCell(key: string): number | undefined {
    const address = parseCellKey(key);
    return address === undefined ? undefined : this.shardOf(address.limit);
  }

  /** Sends a message to a node, ourselves included. */
  send(to: string, message: OwnerMessage): void {
    this.effects.push({ type: "send", to, message });
  }
}
