/**
 * Counters and limits as one machine: decides in a call, tells others by cells.
 *
 * @module
 */

import type { Machine, Millis, WallMillis } from "../machine.ts";
import { type CellWord, decodeCell } from "./cell_codec.ts";
import { parseCellKey } from "./cell_key.ts";
import { type LimitsConfig, type LimitsOptions, resolveLimits } from "./config.ts";
import type {
  ConsumeItem,
  Decision,
  LimitsCounters,
  LimitsEffect,
  LimitsInput,
  LimitView,
  RefusalReason,
  SettleResult,
} from "./contract.ts";
import type { ResolvedLimit } from "./definition.ts";
import { Flusher } from "./flusher.ts";
import { Glances } from "./glances.ts";
import type { LimitState } from "./limit_state.ts";
import { LimitTable } from "./limit_table.ts";
import { Members } from "./members.ts";
import { Reservations, type ReservedItem } from "./reservations.ts";

/** A {@linkcode Decision} while it is made. */
type Draft = { -readonly [Field in keyof Decision]: Decision[Field] };

/**
 * The limits of one node. {@linkcode Limits.consume} decides at once, from memory; {@linkcode Limits.handle} takes what
 * others tell and gives back what to tell them. After a call that changed something, ask {@linkcode Limits.nextDeadline}
 * anew.
 */
export class Limits implements Machine<LimitsInput, LimitsEffect> {
  readonly counters: LimitsCounters = {
    admitted: 0,
    refused: 0,
    shadowed: 0,
    timedOut: 0,
    cellsWritten: 0,
    cellsTaken: 0,
    cellsIgnored: 0,
    cellsMalformed: 0,
  };
  readonly #config: LimitsConfig;
  readonly #members: Members;
  readonly #table: LimitTable;
  readonly #flusher: Flusher;
  readonly #glances: Glances = new Glances();
  readonly #reservations: Reservations;
  /** Effects of calls, waiting for the next step. */
  readonly #outbox: LimitsEffect[] = [];
  readonly #states: LimitState[] = [];
  readonly #decision: Draft = {
    admitted: true,
    reservation: 0,
    retryAfterMs: 0,
    refused: -1,
    reason: undefined,
    shadowed: 0,
  };
  #wallOffset = 0;
  #wallMs: WallMillis = -Infinity;
  #now: Millis = 0;
  #isLeaving = false;

  /** Throws `RangeError` for options that cannot work. */
  constructor(options: LimitsOptions) {
    this.#config = resolveLimits(options);
    this.#members = new Members(this.#config, this.#config.expectedNodes);
    this.#flusher = new Flusher(this.#config);
    this.#table = new LimitTable(
      this.#config,
      this.#members,
      this.#flusher,
      this.#glances,
      this.#outbox,
    );
    this.#reservations = new Reservations(this.#config.reservationsMax);
  }

  /**
   * Takes of all items or of none. With `reserveMs` above 0 the amounts are estimates: {@linkcode Limits.settle} says
   * what they were, or they stand when `reserveMs` have passed. A limit may be named more than once.
   *
   * Throws `RangeError`, and takes nothing, when an amount is no whole number from 0.
   */
  consume(
    items: readonly ConsumeItem[],
    now: Millis,
    wallMs: WallMillis,
    reserveMs: Millis = 0,
  ): Decision {
    const wall = this.#advance(now, wallMs);
    const decision = this.#decision;
    decision.admitted = true;
    decision.reservation = 0;
    decision.retryAfterMs = 0;
    decision.refused = -1;
    decision.reason = undefined;
    decision.shadowed = 0;
    if (reserveMs <= 0 && this.#takeAtAGlance(items, now, wall)) {
      this.counters.admitted++;
      return decision;
    }
    for (let i = 0; i < items.length; i++) this.#check(items[i] as ConsumeItem, i, now, wall);
    if (reserveMs > 0 && decision.admitted && this.#reservations.isFull) {
      this.#refuse(0, "reservations", 0);
    }
    const states = this.#states;
    for (let i = 0; i < states.length; i++) (states[i] as LimitState).pending = 0;
    if (decision.admitted) this.#charge(items, now, reserveMs);
    else this.counters.refused++;
    states.length = 0;
    return decision;
  }

  /**
   * Says what the items of a reservation really took, in the order of the call. It counts in the window of the
   * reservation; what is above the estimate may make a debt. Throws `RangeError`, and leaves the reservation open,
   * unless there is one whole number from 0 for each item.
   */
  settle(
    reservation: number,
    amounts: readonly number[],
    now: Millis,
    wallMs: WallMillis,
  ): SettleResult {
    for (const amount of amounts) checkAmount(amount);
    this.#advance(now, wallMs);
    this.counters.timedOut += this.#reservations.expire(now);
    const items = this.#reservations.get(reservation);
    if (items === undefined) return "unknown";
    if (amounts.length !== items.length) {
      throw new RangeError(
        `Cannot settle a reservation: it has ${items.length} items, given are ${amounts.length} amounts`,
      );
    }
    this.#reservations.close(reservation);
    for (const [i, item] of items.entries()) this.#settle(item, amounts[i] as number, now);
    return "settled";
  }

  /** Gives back all that a reservation took. */
  refund(reservation: number, now: Millis, wallMs: WallMillis): SettleResult {
    this.#advance(now, wallMs);
    this.counters.timedOut += this.#reservations.expire(now);
    const items = this.#reservations.close(reservation);
    if (items === undefined) return "unknown";
    for (const item of items) this.#settle(item, 0, now);
    return "settled";
  }

  /** What an open reservation took, in the order of the call; `undefined` when there is none of that number. */
  reserved(reservation: number): readonly ConsumeItem[] | undefined {
    return this.#reservations.get(reservation)
      ?.map(({ state, amount }) => ({ limit: state.limit.id, amount }));
  }

  /** One limit as seen from here; `undefined` when there is none that can be used. */
  read(id: string, now: Millis, wallMs: WallMillis): LimitView | undefined {
    const wall = this.#advance(now, wallMs);
    const state = this.#table.get(id, now);
    if (state === undefined) return undefined;
    this.#table.turn(state, now, wall);
    const { limit, counter, strength } = state;
    return {
      id,
      window: counter.span.id,
      limit: limit.limit,
      unit: limit.unit,
      used: counter.used,
      remaining: Math.max(0, limit.limit - counter.used),
      resetMs: counter.resetMs,
      stalenessMs: this.#members.stalenessMs(now),
      unseenMax: strength.unseenMax(now, wall),
      isolated: this.#members.isIsolated,
      shadow: limit.shadow,
    };
  }

  /** The definition in force; `undefined` when there is none that can be used. */
  definition(id: string): ResolvedLimit | undefined {
    return this.#table.peek(id)?.limit;
  }

  /** Limits that can be used. */
  get size(): number {
    return this.#table.size;
  }

  handle(input: LimitsInput, now: Millis, out: LimitsEffect[]): void {
    this.#advance(now, input.type === "wall" ? input.wallMs : now + this.#wallOffset);
    this.counters.timedOut += this.#reservations.expire(now);
    switch (input.type) {
      case "tick":
      case "wall":
        break;
      case "definition":
        this.#table.define(input.id, input.value, now, this.#wallMs);
        if (this.#isLeaving) this.#table.get(input.id, now)?.strength.close();
        break;
      case "cell":
        this.#takeCell(input.key, input.bytes, now);
        break;
      case "members":
        this.#members.set(input.members, input.alive, now);
        for (const state of this.#table.all(now)) state.strength.learned();
        // A newcomer copies what is written: let that be all there is.
        this.#flusher.hurry(now);
        break;
      case "ready":
        this.#members.ready();
        break;
      case "settled":
        this.#settled(input.key, input.word, now);
        break;
      case "inTouch":
        this.#members.touch(input.peer, input.sinceMs);
        break;
      case "leave":
        this.#leave(now);
        break;
    }
    for (const effect of this.#outbox) out.push(effect);
    this.#outbox.length = 0;
    this.counters.cellsWritten += this.#flusher.flush(now, out, this.#isLeaving);
  }

  nextDeadline(): Millis | undefined {
    if (this.#outbox.length > 0) return this.#now;
    const flushAt = this.#flusher.next();
    const finalAt = this.#reservations.next();
    if (flushAt === undefined || finalAt === undefined) return flushAt ?? finalAt;
    return Math.min(flushAt, finalAt);
  }

  #advance(now: Millis, wallMs: WallMillis): WallMillis {
    this.#now = now;
    this.#wallOffset = wallMs - now;
    if (wallMs > this.#wallMs) this.#wallMs = wallMs;
    return this.#wallMs;
  }

  /** Takes all items from what is free for certain, or none. */
  #takeAtAGlance(items: readonly ConsumeItem[], now: Millis, wall: WallMillis): boolean {
    const glances = this.#glances;
    for (let i = 0; i < items.length; i++) {
      const { limit, amount } = items[i] as ConsumeItem;
      const state = this.#table.peek(limit);
      if (
        state !== undefined && Number.isSafeInteger(amount) && amount > 0 &&
        glances.take(state.row, amount, now, wall)
      ) {
        if (glances.taken(state.row) === amount) this.#flusher.touch(state, now);
        continue;
      }
      while (--i >= 0) {
        const taken = items[i] as ConsumeItem;
        glances.untake((this.#table.peek(taken.limit) as LimitState).row, taken.amount);
      }
      return false;
    }
    return true;
  }

  #check(item: ConsumeItem, index: number, now: Millis, wall: WallMillis): void {
    const { amount } = item;
    const state = this.#table.get(item.limit, now);
    if (!(Number.isSafeInteger(amount) && amount >= 0)) {
      for (const each of this.#states) each.pending = 0;
      this.#states.length = 0;
      checkAmount(amount);
    }
    if (state === undefined) return this.#refuse(index, "unknown-limit", 0);
    this.#table.turn(state, now, wall);
    const { strength } = state;
    state.pending += amount;
    this.#states.push(state);
    const reason = strength.check(state.pending, now);
    if (reason === undefined) return;
    if (strength.isUrgent && strength.wantsWord) this.#flusher.touch(state, now);
    if (state.limit.shadow && reason !== "leaving") {
      this.#decision.shadowed++;
      this.counters.shadowed++;
      return;
    }
    this.#refuse(index, reason, this.#retryMs(state, reason, wall));
  }

  #refuse(index: number, reason: RefusalReason, retryMs: Millis): void {
    const decision = this.#decision;
    if (decision.admitted) {
      decision.admitted = false;
      decision.refused = index;
      decision.reason = reason;
    }
    if (retryMs > decision.retryAfterMs) decision.retryAfterMs = retryMs;
  }

  #retryMs(state: LimitState, reason: RefusalReason, wall: WallMillis): Millis {
    const { counter, limit, strength, pending } = state;
    if (reason === "leaving") return 0;
    if (reason === "limit") {
      return Math.max(0, counter.freesMs(counter.used + Math.max(1, pending) - limit.limit) - wall);
    }
    return Math.max(0, Math.min(strength.retryMs(reason), counter.resetMs - wall));
  }

  #charge(items: readonly ConsumeItem[], now: Millis, reserveMs: Millis): void {
    const states = this.#states;
    this.counters.admitted++;
    const reserved: ReservedItem[] = [];
    for (let i = 0; i < states.length; i++) {
      const state = states[i] as LimitState;
      const { counter, strength } = state;
      const { amount } = items[i] as ConsumeItem;
      counter.charge(amount);
      if (reserveMs > 0) {
        const hold = strength.reserve(amount, now);
        reserved.push({ state, counter, index: counter.index, amount, hold });
      } else strength.charged(amount, now);
      this.#changed(state, now);
    }
    if (reserveMs <= 0) return;
    this.#decision.reservation = this.#reservations.open(reserved, now + reserveMs);
  }

  #changed(state: LimitState, now: Millis): void {
    this.#flusher.touch(state, now);
    this.#table.watch(state);
    state.glance();
  }

  /** What an item of a reservation really took; it counts where the estimate was counted. */
  #settle(item: ReservedItem, actual: number, now: Millis): void {
    const { counter, index, amount, hold } = item;
    // The limit may have been deleted and made again meanwhile, and go on with the same counter.
    const state = item.state.isClosed
      ? this.#table.get(item.state.limit.id, now) ?? item.state
      : item.state;
    state.collect(now);
    hold?.settle(actual, now);
    const difference = actual - amount;
    if (difference === 0 || counter.overMs + this.#config.horizonMs <= this.#wallMs) return;
    counter.correct(index, difference);
    if (state.counter === counter && !state.isClosed) {
      state.strength.learned();
      this.#changed(state, now);
    } else {
      this.#flusher.touchEnded(counter, now);
    }
  }

  #takeCell(key: string, bytes: Uint8Array, now: Millis): void {
    const address = parseCellKey(key);
    const word: CellWord | undefined = decodeCell(bytes);
    if (address === undefined || word === undefined) {
      this.counters.cellsMalformed++;
      return;
    }
    const state = this.#table.get(address.limit, now);
    if (state === undefined || state.limit.created !== address.created) {
      this.counters.cellsIgnored++;
      return;
    }
    this.#table.turn(state, now, this.#wallMs);
    if (state.counter.span.id !== address.window) {
      state.keepEarly(key, bytes);
      this.counters.cellsIgnored++;
      return;
    }
    if (!state.counter.merge(address, word, now)) {
      this.counters.cellsIgnored++;
      return;
    }
    this.counters.cellsTaken++;
    state.strength.learned();
    this.#table.watch(state);
  }

  #settled(key: string, word: number, now: Millis): void {
    const address = parseCellKey(key);
    const state = address === undefined ? undefined : this.#table.get(address.limit, now);
    if (state === undefined || state.counter.key !== key) return;
    state.strength.settled(word);
    if (state.strength.wantsWord) this.#flusher.touch(state, now);
  }

  #leave(now: Millis): void {
    this.#isLeaving = true;
    this.counters.timedOut += this.#reservations.expire(now, Infinity);
    for (const state of this.#table.all(now)) {
      state.strength.close();
      if (state.counter.own.word > 0) this.#flusher.touch(state, now);
    }
    this.#flusher.hurry(now);
  }
}

function checkAmount(amount: number): void {
  if (Number.isSafeInteger(amount) && amount >= 0) return;
  throw new RangeError(
    `Cannot take an amount as it must be a whole number of micro-units >= 0: current value is ${amount}`,
  );
}
