/**
 * The `leased` strength behind the seam that counts: admits what this node's right covers.
 *
 * @module
 */

import type { Millis } from "../../machine.ts";
import type { RefusalReason } from "../contract.ts";
import type { Counter } from "../counter.ts";
import type { ResolvedLimit } from "../definition.ts";
import type { Hold, Strength } from "../strength.ts";
import type { LeasedLimit } from "./leased_limit.ts";

/**
 * See the module. Nothing is taken at a glance: the holder may give a right back at any time. The counter only adds to
 * what the right says: what was counted before the limit became a leased one stays used.
 */
export class LeasedStrength implements Strength {
  readonly free = -1;
  readonly freeUntilMs: Millis = -Infinity;
  readonly wantsWord = false;
  readonly isUrgent = false;
  readonly #leased: LeasedLimit;
  #limit: ResolvedLimit;
  #counter: Counter;
  #now: Millis = 0;
  #isClosed = false;

  /** Decides for `limit` from the rights that `leased` holds. */
  constructor(leased: LeasedLimit, limit: ResolvedLimit, counter: Counter) {
    this.#leased = leased;
    this.#limit = limit;
    this.#counter = counter;
  }

  define(limit: ResolvedLimit): void {
    this.#limit = limit;
  }

  open(counter: Counter): void {
    this.#counter = counter;
  }

  check(amount: number, now: Millis): RefusalReason | undefined {
    this.#now = now;
    if (this.#isClosed) return "leaving";
    if (this.#counter.used + amount > this.#limit.limit) return "limit";
    // Whoever takes nothing asks whether anything is left.
    return this.#leased.check(amount === 0 ? 1 : amount, now);
  }

  charged(amount: number, now: Millis): void {
    this.#leased.take(amount, now);
  }

  reserve(amount: number, now: Millis): Hold | undefined {
    const leased = this.#leased;
    const right = leased.reserve(amount, now);
    if (right === undefined) return undefined;
    return { settle: (actual, at) => leased.settle(right, amount, actual, at) };
  }

  retryMs(reason: RefusalReason): Millis {
    if (reason !== "asking" && reason !== "isolated" && reason !== "limit") return Infinity;
    return this.#leased.retryMs(reason, this.#now);
  }

  learned(): void {}

  speak(): void {
    const { own } = this.#counter;
    own.ceiling = own.total;
  }

  settled(): void {}

  close(): void {
    this.#isClosed = true;
  }

  /** Others have used at most what neither is known to be used nor is in our right. */
  unseenMax(): number {
    const { right } = this.#leased;
    return Math.max(0, this.#limit.limit - this.#counter.used - Math.max(0, right?.free ?? 0));
  }
}
