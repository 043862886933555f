/**
 * The holder's role: keeps the rights of this node renewed, in the background and many in one message, so that every
 * decision is local.
 *
 * Invariant: a right grows only by answers that name this boot, each of which says what a quorum wrote down in absolute
 * numbers; it is lowered here before anybody is told that it was.
 *
 * @module
 */

import { Deadlines } from "../../deadlines.ts";
import type { Machine, Millis, Tick } from "../../machine.ts";
import {
  LEASED_DEFAULTS,
  type LeasedConfig,
  type LeasedLimitFacts,
  type LeasedSelf,
} from "./contract.ts";
import { type LeasedHost, LeasedLimit } from "./leased_limit.ts";
import type { Answer, AnswerItem, Ask, AskItem } from "./messages.ts";
import { shardOf } from "../rendezvous.ts";
import type { Right } from "./right.ts";

/** What goes into a holder. */
export type HolderInput =
  | Tick
  | { readonly type: "message"; readonly message: Answer }
  | { readonly type: "limit"; readonly limit: LeasedLimitFacts }
  | { readonly type: "noLimit"; readonly key: string }
  /** Node id of each shard's root, as the membership has it; and how many members are alive. */
  | {
    readonly type: "roots";
    readonly roots: readonly (string | undefined)[];
    readonly alive: number;
  }
  /** Cluster time is `now` plus this. */
  | { readonly type: "clock"; readonly offsetMs: Millis }
  /** Admit nothing any more and give everything back. Open reservations must be settled before. */
  | { readonly type: "leave" };

/** What comes out. */
export type HolderEffect =
  | { readonly type: "send"; readonly to: string; readonly message: Ask }
  /** The right of this limit grew: who waits for it may try again. */
  | { readonly type: "granted"; readonly limit: string };

/** How a holder is made. */
export interface HolderOptions {
  readonly self: LeasedSelf;
  readonly config?: Partial<LeasedConfig>;
}

/** Questions about the same limit are at least this far apart. */
const ASK_GAP_MS = 25;

/** How long a limit is taken for used up after the root said so. */
const EXHAUSTED_MS = 500;

/** See the module. */
export class Holder implements Machine<HolderInput, HolderEffect>, LeasedHost {
  members = 1;
  offsetMs: Millis = 0;
  readonly ttlMs: Millis;
  readonly patienceMs: Millis;
  readonly #self: LeasedSelf;
  readonly #config: LeasedConfig;
  readonly #limits: Map<string, LeasedLimit> = new Map();
  readonly #due: Deadlines<LeasedLimit> = new Deadlines();
  #roots: readonly (string | undefined)[] = [];
  #isLeaving = false;

  /** Holds nothing. */
  constructor({ self, config }: HolderOptions) {
    this.#self = self;
    this.#config = { ...LEASED_DEFAULTS, ...config };
    this.ttlMs = this.#config.ttlMs;
    this.patienceMs = this.#config.patienceMs;
  }

  /** A limit to decide by; keep it and ask it directly. */
  limit(key: string): LeasedLimit | undefined {
    return this.#limits.get(key);
  }

  /** Whether everything was given back, as far as it can be. */
  get isDrained(): boolean {
    for (const { right, past } of this.#limits.values()) {
      if (right !== undefined && !right.isReported) return false;
      if (past.some((each) => !each.isReported && each.open === 0)) return false;
    }
    return true;
  }

  handle(input: HolderInput, now: Millis, out: HolderEffect[]): void {
    switch (input.type) {
      case "tick":
        this.#askDue(now, out);
        break;
      case "message":
        this.#answered(input.message, now, out);
        break;
      case "limit":
        this.#define(input.limit);
        break;
      case "noLimit":
        this.#forget(input.key);
        break;
      case "roots":
        this.#roots = input.roots;
        this.members = input.alive;
        break;
      case "clock":
        this.offsetMs = input.offsetMs;
        for (const limit of this.#limits.values()) limit.follow(now);
        break;
      case "leave":
        this.#leave(now);
        break;
    }
  }

  nextDeadline(): Millis | undefined {
    return this.#due.next();
  }

  /** A limit needs the root; called on the way of a decision. */
  want(limit: LeasedLimit, now: Millis): void {
    if (limit.unansweredSince !== Infinity || limit.askAt <= now) return;
    const at = Math.max(now, limit.askedAt + ASK_GAP_MS, limit.exhaustedUntil);
    if (at < limit.askAt) this.#askAt(limit, at);
  }

  #define(facts: LeasedLimitFacts): void {
    const known = this.#limits.get(facts.key);
    if (known !== undefined) known.facts = facts;
    else this.#limits.set(facts.key, new LeasedLimit(facts, shardOf(facts.key), this));
  }

  #forget(key: string): void {
    const limit = this.#limits.get(key);
    if (limit === undefined) return;
    limit.isClosed = true;
    this.#limits.delete(key);
    this.#due.delete(limit);
  }

  #leave(now: Millis): void {
    this.#isLeaving = true;
    for (const limit of this.#limits.values()) {
      limit.isClosed = true;
      limit.right?.giveBack(0);
      if (limit.right !== undefined || limit.past.length > 0) this.#askAt(limit, now);
    }
  }

  #askAt(limit: LeasedLimit, at: Millis): void {
    limit.askAt = at;
    if (at === Infinity) this.#due.delete(limit);
    else this.#due.set(limit, at);
  }

  #askDue(now: Millis, out: HolderEffect[]): void {
    const byRoot = new Map<string, AskItem[]>();
    for (let limit = this.#due.pop(now); limit !== undefined; limit = this.#due.pop(now)) {
      const root = this.#roots[limit.shard];
      this.#askAt(limit, now + this.#config.retryMs);
      if (limit.unansweredSince === Infinity) limit.unansweredSince = now;
      if (root === undefined) continue;
      limit.askedAt = now;
      let items = byRoot.get(root);
      if (items === undefined) byRoot.set(root, items = []);
      this.#compose(limit, now, items);
      if (items.length >= this.#config.itemsMax) {
        this.#send(root, items, now, out);
        byRoot.delete(root);
      }
    }
    for (const [root, items] of byRoot) this.#send(root, items, now, out);
  }

  #send(to: string, items: readonly AskItem[], now: Millis, out: HolderEffect[]): void {
    const { boot } = this.#self;
    out.push({ type: "send", to, message: { type: "ask", boot, sentMs: now, items } });
  }

  /** What is reported and wished of a limit. What is given back leaves the right here and now. */
  #compose(limit: LeasedLimit, now: Millis, items: AskItem[]): void {
    limit.roll(now);
    const { right, past, facts: { key } } = limit;
    if (limit.facts.span > 1) {
      for (const each of past) if (!each.isReported) items.push(itemOf(key, each, -1, 0));
    }
    const need = limit.isClosed ? 0 : measure(limit, now, this.ttlMs);
    if (right !== undefined) {
      if (limit.isClosed) right.giveBack(0);
      else if (right.free > (limit.isScarce ? need : 2 * need)) right.giveBack(need);
    }
    const free = Math.max(0, right?.free ?? 0);
    const want = limit.isClosed ? -1 : Math.max(0, need - free, limit.waiting - free);
    const atLeast = Math.max(0, limit.waiting - (right?.free ?? 0));
    if (right !== undefined) items.push(itemOf(key, right, want, atLeast));
    else if (want >= 0) {
      items.push({ limit: key, want, atLeast, granted: 0, returned: 0, spent: 0 });
    }
  }

  #answered(answer: Answer, now: Millis, out: HolderEffect[]): void {
    if (answer.boot !== this.#self.boot || answer.sentMs > now) return;
    for (const item of answer.items) {
      const limit = this.#limits.get(item.limit);
      if (limit !== undefined) this.#take(limit, item, answer, now, out);
    }
  }

  #take(
    limit: LeasedLimit,
    item: AnswerItem,
    { sentMs, ttlMs }: Answer,
    now: Millis,
    out: HolderEffect[],
  ): void {
    limit.roll(now);
    switch (item.type) {
      case "later":
        return;
      case "over":
        limit.past = limit.past.filter(({ window, open }) =>
          window.order !== item.order || open > 0
        );
        return;
      case "reported": {
        const { right, past } = limit;
        const each = [right, ...past].find((one) => one?.window.order === item.order);
        if (each !== undefined) reported(limit, each, item.returned, item.spent);
        return;
      }
      case "correct": {
        const right = limit.open(item.window, now);
        right?.correct(item.granted);
        this.#askAt(limit, now);
        return;
      }
      case "granted": {
        const right = limit.open(item.window, now);
        if (right === undefined) return;
        const before = right.free;
        right.grant(item.granted, item.version);
        right.provenUntil = Math.max(right.provenUntil, sentMs + item.leftMs);
        limit.renew(sentMs + ttlMs, now);
        reported(limit, right, item.returned, item.spent);
        if (sentMs >= limit.unansweredSince) {
          this.#renewed(limit, right, item.isScarce, sentMs, now);
        }
        if (right.free > before || sentMs + ttlMs > now) {
          out.push({ type: "granted", limit: item.limit });
        }
      }
    }
  }

  /** The latest question was answered: says when the next one is due. */
  #renewed(limit: LeasedLimit, right: Right, isScarce: boolean, sentMs: Millis, now: Millis): void {
    limit.unansweredSince = Infinity;
    limit.isScarce = isScarce;
    const isShort = right.free < limit.waiting;
    limit.exhaustedUntil = isShort && isScarce ? now + EXHAUSTED_MS : -Infinity;
    limit.low = Math.max(0, Math.floor(right.free / 2));
    const wasWaiting = limit.waiting > 0;
    limit.waiting = 0;
    const isIdle = right.free <= 0 && right.open === 0 && limit.rate === 0 && right.isReported &&
      limit.past.length === 0;
    if (limit.isClosed) {
      this.#askAt(limit, this.#isLeaving && !right.isReported ? now : Infinity);
    } else if (isShort && wasWaiting && !isScarce) {
      this.#askAt(limit, now + ASK_GAP_MS);
    } else if (isIdle && !wasWaiting) this.#askAt(limit, Infinity);
    else this.#askAt(limit, Math.max(now, sentMs + this.ttlMs / 2));
  }
}

function reported(limit: LeasedLimit, right: Right, returned: number, spent: number): void {
  right.reportedReturned = Math.max(right.reportedReturned, returned);
  right.reportedSpent = Math.max(right.reportedSpent, spent);
  limit.tidy(right);
}

function itemOf(limit: string, right: Right, want: number, atLeast: number): AskItem {
  const { window, granted, returned, spent } = right;
  return { limit, window, want, atLeast, granted, returned, spent };
}

/** Follows the demand; answers how much should be free until the next renewal but one. */
function measure(limit: LeasedLimit, now: Millis, ttlMs: Millis): number {
  const elapsedMs = Math.max(1, Math.min(now - limit.measuredAt, ttlMs / 2));
  const weight = elapsedMs / (elapsedMs + ttlMs / 2);
  limit.rate += weight * (limit.demand / elapsedMs - limit.rate);
  const isIdle = limit.demand === 0;
  if (isIdle && limit.rate * ttlMs < 1) limit.rate = 0;
  limit.demand = 0;
  limit.measuredAt = now;
  if (isIdle && limit.isScarce && limit.waiting === 0) return 0;
  const lasting = limit.rate * (limit.isScarce ? ttlMs / 2 : ttlMs);
  const { cap } = limit.facts;
  return Math.min(cap, Math.ceil(Math.max(lasting, limit.waiting * (limit.isScarce ? 1 : 2))));
}
