/**
 * The `approximate` strength: decides from what this node knows, keeps a distance from the limit for what it may not
 * know, and never takes more than it has announced before the others have heard of it.
 *
 * @module
 */

import type { Millis, WallMillis } from "../machine.ts";
import { MICROS_MAX } from "./amounts.ts";
import { Announcement } from "./announcement.ts";
import type { Column } from "./column.ts";
import type { RefusalReason } from "./contract.ts";
import type { Counter } from "./counter.ts";
import type { ResolvedLimit } from "./definition.ts";
import { fairShare } from "./fair_share.ts";
import type { Departed, Members, MemberState } from "./members.ts";
import { faded, Rate } from "./rate.ts";
import type { Strength } from "./strength.ts";

/** What is known of the others is added up again when it is this old. */
const REFRESH_MS = 10;

/** The same while more than half of the limit is free. */
const CALM_REFRESH_MS = 100;

/** Of what is left, each living member may take this part before the others have heard of it. */
const BURST_PARTS = 4;

/** How long a call is remembered as the largest. */
const LARGEST_MEMORY_MS = 10_000;

/** The distance kept from the limit, in times of what is unseen. */
const GUARD_FACTOR = 2;

/** Timings of the strength. */
export interface ApproximateConfig {
  /** How long a peer keeps us informed after it last said so. */
  readonly touchMs: Millis;
  /** About how long it takes until a word is written and acknowledged. */
  readonly roundTripMs: Millis;
}

/** See the module. */
export class Approximate implements Strength {
  isUrgent = false;
  free = -1;
  freeUntilMs: Millis = -Infinity;
  readonly #members: Members;
  readonly #config: ApproximateConfig;
  readonly #rate: Rate = new Rate();
  readonly #weights: number[] = [];
  /** What peers announced in the last window they spoke in, beyond their totals. */
  readonly #lastBursts: Map<string, number> = new Map();
  #limit: ResolvedLimit;
  #counter: Counter;
  #own: Column;
  #announcement: Announcement;
  #knownBurst = 0;
  /** The largest amount of one call, lately; halved when nobody asked for as much for a while. */
  #largestAsked = 0;
  #largestAt: Millis = -Infinity;
  #isAskedAnew = false;
  /** Up to this use amounts are free; above, only from our share. */
  #freeTo = 0;
  /** What was refused, and our total, when the rate was last looked at. */
  #refusedSince = 0;
  #ratedTotal = 0;
  #share = 0;
  /** Total that our part allows while isolated, and in which isolation it was worked out. */
  #isolatedTo = 0;
  #isolation = -1;
  #isClosed = false;

  /** Decides for `limit`, beginning with `counter`. */
  constructor(
    limit: ResolvedLimit,
    counter: Counter,
    members: Members,
    config: ApproximateConfig,
  ) {
    this.#members = members;
    this.#config = config;
    this.#limit = limit;
    this.#counter = counter;
    this.#own = counter.own;
    this.#announcement = this.#announce();
  }

  define(limit: ResolvedLimit): void {
    this.#limit = limit;
    this.#isolation = -1;
    this.learned();
  }

  open(counter: Counter): void {
    for (const [key, { ceiling, total }] of this.#counter.others) {
      this.#lastBursts.set(key, Math.max(0, ceiling - total));
    }
    if (this.#announcement.spokenTotal > 0) this.#knownBurst = this.#announcement.knownBurst;
    this.#refusedSince += this.#own.total - this.#ratedTotal;
    this.#counter = counter;
    this.#own = counter.own;
    this.#ratedTotal = this.#own.total;
    this.#announcement = this.#announce();
    this.#isolation = -1;
    this.learned();
  }

  check(amount: number, now: Millis): RefusalReason | undefined {
    if (amount >= this.#largestAsked) {
      this.#largestAsked = amount;
      this.#isAskedAnew = true;
    }
    const reason = this.#judge(amount, now);
    if (reason !== undefined) this.#refusedSince += amount;
    return reason;
  }

  charged(amount: number): void {
    this.free -= amount;
  }

  reserve(amount: number): undefined {
    this.charged(amount);
  }

  #judge(amount: number, now: Millis): RefusalReason | undefined {
    const { used } = this.#counter;
    const { limit } = this.#limit;
    if (used + amount > limit || (amount === 0 && used >= limit)) return "limit";
    if (this.#isClosed) return "leaving";
    if (now >= this.freeUntilMs) this.#refresh(now);
    const { total } = this.#own;
    const members = this.#members;
    if (!members.isReady) return "not-ready";
    if (members.isIsolated && this.#limit.whenIsolated !== "limit") {
      if (this.#limit.whenIsolated === "deny" || total + amount > this.#isolatedTo) {
        return "isolated";
      }
    }
    if (total + amount > this.#announcement.usable && members.all.length > 1) {
      this.isUrgent = true;
      return "unheard";
    }
    if (used + amount <= this.#freeTo) return undefined;
    this.isUrgent = true;
    return total - this.#announcement.knownTotal + amount <= this.#share ? undefined : "share";
  }

  retryMs(reason: RefusalReason): Millis {
    return reason === "isolated" ? Infinity : this.#config.roundTripMs;
  }

  learned(): void {
    this.freeUntilMs = -Infinity;
    this.free = -1;
  }

  speak(now: Millis): void {
    this.isUrgent = false;
    this.learned();
    const own = this.#own;
    own.rate = this.#demand(now);
    if (this.#isAskedAnew || now - this.#largestAt > LARGEST_MEMORY_MS) {
      if (!this.#isAskedAnew) this.#largestAsked = Math.floor(this.#largestAsked / 2);
      this.#isAskedAnew = false;
      this.#largestAt = now;
    }
    own.ceiling = this.#announcement.speak(own.word + 1, own.total, own.total + this.#burst());
  }

  settled(word: number): void {
    this.#announcement.settled(word);
    this.learned();
  }

  get wantsWord(): boolean {
    if (this.#announcement.isPending) return false;
    const left = this.#announcement.usable - this.#own.total;
    return left < this.#largestAsked || left * 2 < this.#burst();
  }

  close(): void {
    this.#isClosed = true;
    this.learned();
  }

  unseenMax(now: Millis, wallMs: WallMillis): number {
    const { others } = this.#counter;
    const members = this.#members;
    const counted = new Set<string>();
    let sum = 0;
    for (const [index, member] of members.all.entries()) {
      if (index === members.self) continue;
      counted.add(member.key);
      const column = others.get(member.key);
      let unseen = this.#announcedBy(member.key, column, members.leastDivisor);
      if (!member.isAlive || now - member.sinceMs > this.#config.touchMs) {
        unseen = Math.max(unseen, this.#limit.limit - (column?.used ?? 0));
      }
      sum += unseen;
    }
    for (const [key, departed] of members.departed) {
      if (wallMs - (now - departed.departedMs) < this.#counter.span.startMs) continue;
      counted.add(key);
      sum += this.#leftBehind(key, departed);
    }
    for (const [key, column] of others) {
      if (!counted.has(key)) sum += Math.max(0, column.ceiling - column.total);
    }
    return Math.min(sum, MICROS_MAX);
  }

  /** What a boot that is gone may have taken and told nobody who is left. */
  #leftBehind(key: string, { departedMs, sinceMs }: Departed): number {
    const column = this.#counter.others.get(key);
    const announced = this.#announcedBy(key, column, this.#members.leastDivisor);
    if (departedMs - sinceMs <= this.#config.touchMs) return announced;
    const { limit, whenIsolated } = this.#limit;
    if (whenIsolated === "deny") return announced;
    // It may have been cut off before it died, and gone on alone.
    const alone = whenIsolated === "limit"
      ? limit - (column?.used ?? 0)
      : Math.floor(limit / Math.max(1, this.#members.count));
    return Math.max(announced, alone);
  }

  /** Adds up what may be unseen, and from it what is free and what is our share of the rest. */
  #refresh(now: Millis): void {
    const members = this.#members;
    const { limit, largestCall } = this.#limit;
    let unseen = 0;
    this.#weights.length = 0;
    let me = -1;
    for (let index = 0; index < members.all.length; index++) {
      const member = members.all[index] as MemberState;
      if (index === members.self) {
        me = this.#weights.length;
        this.#weights.push(this.#demand(now));
        continue;
      }
      if (!member.isAlive && members.isIsolated) continue;
      const column = this.#counter.others.get(member.key);
      const announced = this.#announcedBy(member.key, column, members.divisor);
      unseen += Math.max(announced, passedBy(member, column, now));
      if (member.isAlive) {
        this.#weights.push(column === undefined ? 0 : faded(column.rate, now - column.heardAt));
      }
    }
    if (me < 0) me = this.#weights.push(this.#demand(now)) - 1;
    const guard = members.all.length > 1 ? Math.max(GUARD_FACTOR * unseen, largestCall) : 0;
    this.#freeTo = limit - Math.min(guard, limit);
    const calm = this.#counter.used * 2 < this.#freeTo;
    this.freeUntilMs = now + (calm ? CALM_REFRESH_MS : REFRESH_MS);
    const unknown = this.#own.total - this.#announcement.knownTotal;
    const left = Math.max(0, limit - this.#counter.used + unknown);
    this.#share = fairShare(left, this.#weights, me);
    if (members.isIsolated && this.#isolation !== members.isolations) {
      this.#isolation = members.isolations;
      const part = Math.floor(left / Math.max(1, members.count));
      this.#isolatedTo = this.#announcement.knownTotal + part;
    }
    this.free = this.#glance();
  }

  /** What may be taken at a glance. */
  #glance(): number {
    const { isIsolated, isReady, all } = this.#members;
    if (!isReady) return -1;
    if (isIsolated && this.#limit.whenIsolated !== "limit") return -1;
    const free = this.#freeTo - this.#counter.used;
    if (all.length === 1) return free;
    return Math.min(free, this.#announcement.usable - this.#own.total);
  }

  /** What our callers ask for per second. */
  #demand(now: Millis): number {
    this.#rate.note(this.#refusedSince + this.#own.total - this.#ratedTotal);
    this.#refusedSince = 0;
    this.#ratedTotal = this.#own.total;
    return this.#rate.at(now);
  }

  #announce(): Announcement {
    const { word, total } = this.#own;
    // A column that goes on after a pause has to announce itself anew.
    const isNew = word === 0 && total === 0;
    return new Announcement(isNew ? this.#opening(this.#members.divisor, this.#knownBurst) : total);
  }

  /** What a member may have taken beyond its newest word, or without one. */
  #announcedBy(key: string, column: Column | undefined, divisor: number): number {
    if (column !== undefined) return Math.max(0, column.ceiling - column.total);
    return this.#opening(divisor, this.#lastBursts.get(key) ?? 0);
  }

  /** What a member may take in a window in which it has not said a word. */
  #opening(divisor: number, knownBurst: number): number {
    const { limit, largestCall } = this.#limit;
    return Math.max(largestCall, Math.floor(limit / (BURST_PARTS * divisor)), knownBurst);
  }

  /** What we would like to take before the others have heard of it. */
  #burst(): number {
    if (this.#isClosed) return 0;
    const left = Math.max(0, this.#limit.limit - this.#counter.used);
    const part = Math.floor(left / (BURST_PARTS * this.#members.divisor));
    return Math.max(this.#limit.largestCall, this.#largestAsked, part);
  }
}

/** What a member would have taken at its last known pace since it was last in touch. */
function passedBy(member: MemberState, column: Column | undefined, now: Millis): number {
  if (column === undefined || column.rate === 0) return 0;
  const sinceMs = Math.max(member.sinceMs, column.heardAt);
  return Math.min(MICROS_MAX, column.rate * ((now - sinceMs) / 1_000));
}
