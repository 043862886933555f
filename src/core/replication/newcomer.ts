/**
 * From nothing to ready: whose snapshot to ask for, and when to do without.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { Rng } from "../rng.ts";
import type { ReplicationConfig } from "./config.ts";

/** What to do next. */
export type SyncStep =
  /** Ask this peer for its state. */
  | { readonly do: "ask"; readonly peer: string }
  /** Nobody has more than we: the first sync is done. */
  | { readonly do: "settle"; readonly how: "alone" | "first" }
  | undefined;

/** The first sync of a node. */
export class Newcomer {
  readonly #config: ReplicationConfig;
  readonly #rng: Rng;
  readonly #joinEnd: Millis;
  readonly #tried: Set<string> = new Set();
  #source: string | undefined;
  #progressAt: Millis = 0;
  /** Entries the snapshot has brought so far. */
  entries = 0;

  constructor(config: ReplicationConfig, rng: Rng, now: Millis) {
    this.#config = config;
    this.#rng = rng;
    this.#joinEnd = now + config.joinTimeoutMs;
  }

  /** Whom we asked. */
  get source(): string | undefined {
    return this.#source;
  }

  /** When `step` may have something to do without any news. */
  nextDeadline(now: Millis): Millis | undefined {
    if (this.#source !== undefined) return this.#progressAt + this.#config.snapshotStallMs;
    return now < this.#joinEnd ? this.#joinEnd : undefined;
  }

  /** A batch came from a peer. */
  progress(peer: string, entries: number, now: Millis): void {
    if (peer !== this.#source) return;
    this.#progressAt = now;
    this.entries += entries;
  }

  /**
   * What to do, given the greeted peers that are ready and those that are not: ask a random ready one, another when it
   * is gone or stands still; with none, after the join time or once everybody expected is in touch, the smallest id of them goes first. While
   * members are in view that can't be reached, we are not alone: they may have what we lack.
   */
  step(
    ready: readonly string[],
    notReady: readonly string[],
    unreachable: number,
    now: Millis,
  ): SyncStep {
    if (this.#source !== undefined) {
      const stalled = now >= this.#progressAt + this.#config.snapshotStallMs;
      if (ready.includes(this.#source) && !stalled) return undefined;
      this.#tried.add(this.#source);
      this.#source = undefined;
    }
    if (ready.length > 0) {
      let candidates = ready.filter((peer) => !this.#tried.has(peer));
      if (candidates.length === 0) {
        this.#tried.clear();
        candidates = [...ready];
      }
      this.#source = candidates[this.#rng.below(candidates.length)] as string;
      this.#progressAt = now;
      return { do: "ask", peer: this.#source };
    }
    const { expectedNodes } = this.#config;
    const complete = expectedNodes > 1 && notReady.length + 1 >= expectedNodes;
    if (now < this.#joinEnd && !complete) return undefined;
    if (notReady.length === 0) {
      return unreachable > 0 ? undefined : { do: "settle", how: "alone" };
    }
    if (notReady.some((peer) => peer < this.#config.nodeId)) return undefined;
    return { do: "settle", how: "first" };
  }
}
