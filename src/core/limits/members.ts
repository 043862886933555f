/**
 * Who else counts, and when each of them was last known to keep us informed.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import { writerKey } from "./cell_key.ts";
import type { WriterId } from "./contract.ts";

/** One member that has not left. */
export interface MemberState {
  /** {@linkcode writerKey}: the order of members is the order of these. */
  readonly key: string;
  isAlive: boolean;
  /** It counted us among its acknowledgers at this instant of our clock, or later. */
  sinceMs: Millis;
}

/** A boot that was a member. */
export interface Departed {
  readonly departedMs: Millis;
  /** When it was last in touch, as far as known. */
  readonly sinceMs: Millis;
}

/** Boots that were members once and did not leave in order; more are forgotten, oldest first. */
const DEPARTED_MAX = 256;

/** The members as the driver tells them, in one order on all nodes. */
export class Members {
  /** All that have not left, ourselves included, by key. */
  all: readonly MemberState[] = [];
  /** Where we are in `all`; -1 when we are not. */
  self = -1;
  /** How many are alive, ourselves included. */
  alive = 0;
  /** How many times this node became isolated. */
  isolations = 0;
  /** Whether at most half of the members are alive, or we don't know the counts yet. */
  isIsolated = true;
  /** Boots that were members and no longer are. */
  readonly departed: Map<string, Departed> = new Map();
  readonly #selfKey: string;
  readonly #expected: number;
  /** Whether the first sync is done. */
  isReady = false;

  /** Starts isolated. `expected`: how many there should be; 0: not known. */
  constructor(self: WriterId, expected: number = 0) {
    this.#expected = expected;
    this.#selfKey = writerKey(self.node, self.boot);
  }

  /** The first sync is done. */
  ready(): void {
    this.isReady = true;
    this.#judge();
  }

  /** Replaces the list. */
  set(members: readonly WriterId[], alive: readonly WriterId[], now: Millis): void {
    const living = new Set(alive.map(({ node, boot }) => writerKey(node, boot)));
    const before = new Map(this.all.map((member) => [member.key, member]));
    const keys = [...new Set(members.map(({ node, boot }) => writerKey(node, boot)))];
    keys.sort((a, b) => a < b ? -1 : 1);
    this.all = keys.map((key) => ({
      key,
      isAlive: living.has(key),
      sinceMs: before.get(key)?.sinceMs ?? -Infinity,
    }));
    this.self = keys.indexOf(this.#selfKey);
    this.alive = this.all.reduce((count, member) => count + (member.isAlive ? 1 : 0), 0);
    for (const { key, sinceMs } of before.values()) {
      if (!keys.includes(key)) this.#depart(key, { departedMs: now, sinceMs });
    }
    for (const key of keys) this.departed.delete(key);
    this.#judge();
  }

  /** A peer keeps us informed as of `sinceMs`. */
  touch(peer: WriterId, sinceMs: Millis): void {
    const key = writerKey(peer.node, peer.boot);
    const member = this.all.find((each) => each.key === key);
    if (member !== undefined && sinceMs > member.sinceMs) member.sinceMs = sinceMs;
  }

  /** How long ago the living peer that was longest not in touch was so; 0 without peers. */
  stalenessMs(now: Millis): Millis {
    let stalest = 0;
    for (const [index, member] of this.all.entries()) {
      if (index === this.self || !member.isAlive) continue;
      stalest = Math.max(stalest, now - member.sinceMs);
    }
    return stalest;
  }

  /** Among how many the free part of a limit is divided: the living, or the least majority when more. */
  get divisor(): number {
    return Math.max(this.alive, Math.floor(this.count / 2) + 1);
  }

  /** The least divisor that a member which knows one member less than we do may use. */
  get leastDivisor(): number {
    return Math.max(1, Math.floor(this.all.length / 2));
  }

  /** How many there are: all that are known, or as many as there should be. */
  get count(): number {
    return Math.max(this.all.length, this.#expected);
  }

  #judge(): void {
    const before = this.isIsolated;
    this.isIsolated = !this.isReady || this.self < 0 || this.alive * 2 <= this.count;
    if (this.isIsolated && !before) this.isolations++;
  }

  #depart(key: string, departed: Departed): void {
    if (key === this.#selfKey) return;
    this.departed.delete(key);
    this.departed.set(key, departed);
    const [oldest] = this.departed.keys();
    if (this.departed.size > DEPARTED_MAX && oldest !== undefined) this.departed.delete(oldest);
  }
}
