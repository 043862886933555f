/**
 * From nothing to ready: whose snapshot to ask for, whom to compare it with, and when to do without.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { Rng } from "../rng.ts";
import type { ReplicationConfig } from "./config.ts";
import type { SyncView } from "./contract.ts";
import type { SnapshotPlace, SnapshotProgress } from "./frames.ts";

/** How long the comparison with a second peer may hold up readiness: under steady writes it may never come out equal. */
const COMPARE_MS_MAX = 10_000;

/** What differed gets this long to come, then it is compared again. */
const COMPARE_AGAIN_MS = 250;

/** What to do next. */
export type SyncStep =
  /** Ask this peer for its state. */
  | { readonly do: "ask"; readonly peer: string }
  /** Compare digests with this peer. */
  | { readonly do: "compare"; readonly peer: string }
  /** Nobody has more than we: the first sync is done. */
  | { readonly do: "settle"; readonly how: "snapshot" | "alone" | "first" }
  | undefined;

/** The first sync of a node. */
export class Newcomer {
  readonly #config: ReplicationConfig;
  readonly #rng: Rng;
  readonly #joinEnd: Millis;
  readonly #tried: Set<string> = new Set();
  #source: string | undefined;
  #progressAt: Millis = 0;
  #entries = 0;
  #total = 0;
  #place: SnapshotPlace | undefined;
  /** When the snapshot was complete. */
  #completeAt: Millis | undefined;
  #second: string | undefined;
  #againAt: Millis | undefined;
  #isEqual = false;

  constructor(config: ReplicationConfig, rng: Rng, now: Millis) {
    this.#config = config;
    this.#rng = rng;
    this.#joinEnd = now + config.joinTimeoutMs;
  }

  /** Whom we asked. */
  get source(): string | undefined {
    return this.#source;
  }

  /** Where whoever is asked next should go on. */
  get place(): SnapshotPlace | undefined {
    return this.#place;
  }

  /** For people. */
  view(): SyncView {
    return {
      from: this.#source,
      entries: this.#entries,
      total: this.#total,
      comparingWith: this.#second,
    };
  }

  /** When `step` may have something to do without any news. */
  nextDeadline(now: Millis): Millis | undefined {
    if (this.#completeAt !== undefined) {
      return Math.min(this.#completeAt + COMPARE_MS_MAX, this.#againAt ?? Infinity);
    }
    if (this.#source !== undefined) return this.#progressAt + this.#config.snapshotStallMs;
    return now < this.#joinEnd ? this.#joinEnd : undefined;
  }

  /** A batch came from the peer that we asked. */
  progress(entries: number, progress: SnapshotProgress | undefined, now: Millis): void {
    this.#progressAt = now;
    this.#entries += entries;
    if (progress === undefined) return;
    this.#total = progress.total;
    this.#place = progress.place ?? this.#place;
  }

  /** That was all of it. */
  complete(now: Millis): void {
    this.#completeAt ??= now;
  }

  /** A comparison with a peer ended. */
  compared(peer: string, differs: boolean, now: Millis): void {
    if (peer !== this.#second) return;
    this.#isEqual = !differs;
    this.#againAt = differs ? now + COMPARE_AGAIN_MS : undefined;
  }

  /**
   * What to do, given the greeted peers that are ready and those that are not: ask a random ready one, another when it is
   * gone or stands still; then compare with a second one, if there is any. With none ready, after the join time or once
   * everybody expected is in touch, the smallest id of them goes first. While members are in view that can't be reached,
   * we are not alone: they may have what we lack.
   */
  step(
    ready: readonly string[],
    notReady: readonly string[],
    unreachable: number,
    now: Millis,
  ): SyncStep {
    if (this.#completeAt !== undefined) return this.#compare(ready, this.#completeAt, now);
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

  #compare(ready: readonly string[], completeAt: Millis, now: Millis): SyncStep {
    const settle = { do: "settle", how: "snapshot" } as const;
    if (this.#isEqual || now >= completeAt + COMPARE_MS_MAX) return settle;
    if (this.#second !== undefined && ready.includes(this.#second)) {
      if (this.#againAt === undefined || now < this.#againAt) return undefined;
      this.#againAt = undefined;
      return { do: "compare", peer: this.#second };
    }
    const others = ready.filter((peer) => peer !== this.#source);
    this.#second = others[this.#rng.below(others.length)];
    this.#againAt = undefined;
    return this.#second === undefined ? settle : { do: "compare", peer: this.#second };
  }
}
