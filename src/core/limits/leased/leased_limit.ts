/**
 * One limit at its holder: decides from the right it has, and knows how much it would like to have.
 *
 * Invariant: nothing is admitted at or after `until`, which is the earliest of the right's end of life, the window's
 * end by cluster time and the window's end by the time that was left when the right was asked for.
 *
 * @module
 */

import type { Millis } from "../../machine.ts";
import type { LeasedLimitFacts, LeaseWindow } from "./contract.ts";
import { Right } from "./right.ts";

/** Why an amount is not taken. */
export type LeasedRefusal =
  /** The right does not cover it; the root is being asked. Try again in a moment. */
  | "asking"
  /** The limit is used up, as far as the root knows. */
  | "limit"
  /** No root answers, and the limit says what then. */
  | "isolated"
  /** This node is leaving. */
  | "leaving";

/** What a limit asks of its holder: to be asked for soon. */
export interface LeasedHost {
  /** This limit needs the root. */
  want(limit: LeasedLimit, now: Millis): void;
  /** Members that are alive, for the share while isolated. */
  readonly members: number;
  readonly ttlMs: Millis;
  readonly patienceMs: Millis;
  /** Cluster time is `now` plus this. */
  readonly offsetMs: Millis;
}

/** See the module. */
export class LeasedLimit {
  facts: LeasedLimitFacts;
  readonly shard: number;
  /** The right of the newest window; what is decided from. */
  right: Right | undefined;
  /** Rights of windows that are over, oldest first: open reservations, and reports of a ring. */
  past: Right[] = [];
  /** Newest window there was a right for; an older one never comes back. */
  newest: number = -Infinity;
  /** Until when `right` may be used, as far as its renewal goes. */
  leaseEndsAt: Millis = -Infinity;
  /** The earliest end of everything. */
  until: Millis = -Infinity;
  /** Below this the root is asked for more. */
  low = 0;
  /** The largest amount refused for want of a right since the last grant. */
  waiting = 0;
  /** Since when a question has had no answer; `Infinity`: none is open. */
  unansweredSince: Millis = Infinity;
  /** When the next question is due. */
  askAt: Millis = Infinity;
  /** The root has little left. */
  isScarce = false;
  /** Said by the root with the last answer that granted less than was needed; over at this time. */
  exhaustedUntil: Millis = -Infinity;
  isClosed = false;
  /** Asked for by callers since the last question, admitted or not. */
  demand = 0;
  /** Demand per millisecond, smoothed. */
  rate = 0;
  measuredAt: Millis = -Infinity;
  /** When it last asked. */
  askedAt: Millis = -Infinity;
  readonly #host: LeasedHost;

  /** A limit without a right. */
  constructor(facts: LeasedLimitFacts, shard: number, host: LeasedHost) {
    this.facts = facts;
    this.shard = shard;
    this.#host = host;
  }

  /** Why `amount` may not be taken now; `undefined` when it may. Charges nothing. */
  check(amount: number, now: Millis): LeasedRefusal | undefined {
    const right = this.right;
    if (right !== undefined && now < this.until && amount <= right.free) return undefined;
    return this.#refuse(amount, now);
  }

  /** Takes what {@linkcode check} just allowed. */
  take(amount: number, now: Millis): void {
    const right = this.right ?? this.#isolatedRight(now);
    if (right === undefined) return;
    right.take(amount);
    this.demand += amount;
    if (right.free < this.low) this.#host.want(this, now);
  }

  /** Sets aside what {@linkcode check} just allowed; answers the right it is from. */
  reserve(amount: number, now: Millis): Right | undefined {
    const right = this.right ?? this.#isolatedRight(now);
    if (right === undefined) return undefined;
    right.reserve(amount);
    this.demand += amount;
    if (right.free < this.low) this.#host.want(this, now);
    return right;
  }

  /** A reservation of `right` is done. */
  settle(right: Right, estimate: number, actual: number, now: Millis): void {
    right.settle(estimate, actual);
    if (right.isOver) this.tidy(right);
    if (right.isOver ? this.past.length > 0 : right.free < this.low) this.#host.want(this, now);
  }

  /**
   * Something taken from `right` was not needed: it can be taken again if the window is open; `false` when it is too
   * late.
   */
  refund(right: Right, amount: number, now: Millis): boolean {
    this.roll(now);
    if (right.isOver || amount > right.used) return false;
    right.refund(amount);
    return true;
  }

  /** How soon a refusal may be over. */
  retryMs(reason: LeasedRefusal, now: Millis): Millis {
    if (reason === "limit") return this.#leftMs(now);
    return reason === "leaving" ? Infinity : this.#host.patienceMs / 4;
  }

  /** Ends the right when its window is over. */
  roll(now: Millis): void {
    const right = this.right;
    if (right !== undefined && now >= right.endsAt) this.#end(right);
  }

  /** The right for a window, newer than the one there was; `undefined` when it is older. */
  open(window: LeaseWindow, now: Millis): Right | undefined {
    const { right } = this;
    if (right !== undefined && right.window.order === window.order) return right;
    if (window.order <= this.newest) return undefined;
    this.newest = window.order;
    if (right !== undefined) this.#end(right);
    const opened = new Right(window);
    this.right = opened;
    this.leaseEndsAt = -Infinity;
    this.until = -Infinity;
    this.exhaustedUntil = -Infinity;
    this.follow(now);
    return opened;
  }

  /** Cluster time has moved: the window may end sooner. */
  follow(now: Millis): void {
    const right = this.right;
    if (right === undefined) return;
    const wallMs = now + this.#host.offsetMs;
    const own = this.facts.windowAt(wallMs);
    if (own !== undefined && own.order > right.window.order) {
      right.endsAt = Math.min(right.endsAt, now);
    } else if (own !== undefined && own.order === right.window.order) {
      right.endsAt = Math.min(right.endsAt, now + own.endMs - wallMs);
    }
    this.until = Math.min(this.leaseEndsAt, right.provenUntil, right.endsAt);
    this.roll(now);
  }

  /** The right was renewed until this. */
  renew(until: Millis, now: Millis): void {
    if (until > this.leaseEndsAt) this.leaseEndsAt = until;
    this.follow(now);
  }

  /** Whether a past right is still needed; lets it go if not. */
  tidy(right: Right): void {
    if (!right.isOver) return;
    if (this.facts.span > 1) right.giveBack(0);
    if (right.open > 0 || (this.facts.span > 1 && !right.isReported)) return;
    const at = this.past.indexOf(right);
    if (at >= 0) this.past.splice(at, 1);
  }

  #end(right: Right): void {
    right.isOver = true;
    this.right = undefined;
    this.until = -Infinity;
    const oldest = right.window.order - this.facts.span;
    this.past = this.past.filter((each) => each.open > 0 || each.window.order > oldest);
    this.past.push(right);
    this.tidy(right);
  }

  #refuse(amount: number, now: Millis): LeasedRefusal | undefined {
    if (this.isClosed) return "leaving";
    if (this.right !== undefined && now >= this.until) this.follow(now);
    const { right } = this;
    if (right !== undefined && now < this.until && amount <= right.free) return undefined;
    if (amount > this.facts.cap) return "limit";
    this.demand += amount;
    if (amount > this.waiting) this.waiting = amount;
    this.#host.want(this, now);
    const isIsolated = now - this.unansweredSince > this.#host.patienceMs;
    if (isIsolated) return this.#mayAlone(amount, now) ? undefined : "isolated";
    return now < this.exhaustedUntil ? "limit" : "asking";
  }

  /** What the definition allows beyond the right when no root answers. */
  #mayAlone(amount: number, now: Millis): boolean {
    const { whenIsolated = "deny", cap } = this.facts;
    if (whenIsolated === "deny") return false;
    const right = this.right ?? this.#isolatedRight(now);
    if (right === undefined || right.isOver) return false;
    const most = whenIsolated === "limit" ? cap : Math.floor(cap / Math.max(1, this.#host.members));
    return right.used + right.open + amount <= most;
  }

  #leftMs(now: Millis): Millis {
    const wallMs = now + this.#host.offsetMs;
    return Math.max(0, (this.facts.windowAt(wallMs)?.endMs ?? wallMs) - wallMs);
  }

  #isolatedRight(now: Millis): Right | undefined {
    const window = this.facts.windowAt(now + this.#host.offsetMs);
    return window === undefined ? undefined : this.open(window, now);
  }
}
