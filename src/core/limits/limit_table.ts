/**
 * All limits of a node: definitions come and change, windows turn.
 *
 * @module
 */

import type { Millis, WallMillis } from "../machine.ts";
import { Approximate } from "./approximate.ts";
import { cellKey, windowKeyPrefix } from "./cell_key.ts";
import type { LimitsConfig } from "./config.ts";
import type { LimitsEffect } from "./contract.ts";
import { Counter } from "./counter.ts";
import { type LimitChecks, type ResolvedLimit, resolveLimit } from "./definition.ts";
import type { Flusher } from "./flusher.ts";
import type { Glances } from "./glances.ts";
import { LimitState } from "./limit_state.ts";
import type { Members } from "./members.ts";
import type { Strength } from "./strength.ts";
import { subWindowMs, windowPrefix, Windows, type WindowSpan } from "./windows.ts";

/** A peer counts us for `dropMs` of its clock; clocks may run this much apart in speed. */
const CLOCK_SPEED_MARGIN = 0.9;

/** See the module. */
export class LimitTable {
  readonly #config: LimitsConfig;
  readonly #members: Members;
  readonly #flusher: Flusher;
  readonly #glances: Glances;
  readonly #outbox: LimitsEffect[];
  readonly #windows: Windows;
  readonly #checks: LimitChecks;
  readonly #states: Map<string, LimitState> = new Map();
  /**
   * Counters of limits that are gone or were given other windows, by key of our cell, until their windows are over: a
   * limit that comes back goes on where our column stood, for a column must never start again.
   */
  readonly #parked: Map<string, Counter> = new Map();

  /** Effects go to `outbox`. */
  constructor(
    config: LimitsConfig,
    members: Members,
    flusher: Flusher,
    glances: Glances,
    outbox: LimitsEffect[],
  ) {
    this.#config = config;
    this.#members = members;
    this.#flusher = flusher;
    this.#glances = glances;
    this.#outbox = outbox;
    this.#windows = new Windows(config.calendar);
    this.#checks = {
      windows: this.#windows,
      strengths: new Set(["approximate", ...config.strengths.keys()]),
    };
  }

  /** How many there are. */
  get size(): number {
    return this.#states.size;
  }

  /** The limit of that id, if it can be used; only for what is taken at a glance. */
  peek(id: string): LimitState | undefined {
    return this.#states.get(id);
  }

  /** The limit of that id, if it can be used, with all that was taken charged. */
  get(id: string, now: Millis): LimitState | undefined {
    const state = this.#states.get(id);
    state?.collect(now);
    return state;
  }

  /** All limits, in the order in which they were first defined, with all that was taken charged. */
  *all(now: Millis): Iterable<LimitState> {
    for (const state of this.#states.values()) {
      state.collect(now);
      yield state;
    }
  }

  /** A definition came, changed, or went (`undefined`). */
  define(id: string, value: unknown, now: Millis, wallMs: WallMillis): void {
    const old = this.get(id, now);
    const resolution = value === undefined ? undefined : resolveLimit(id, value, this.#checks);
    if (resolution?.ok !== true) {
      if (old !== undefined) this.#park(old, wallMs);
      if (resolution !== undefined) this.#tellRefused(id, resolution.problem);
      return;
    }
    const { limit } = resolution;
    if (old !== undefined && kindOf(old.limit) === kindOf(limit)) {
      old.redefine(limit);
      this.watch(old);
      return;
    }
    if (old !== undefined) this.#park(old, wallMs);
    const span = this.#windows.at(limit.shape, wallMs);
    if (span === undefined) {
      return this.#tellRefused(id, `Cannot use limit "${id}": its calendar has no window for now`);
    }
    const counter = this.#open(limit, span, wallMs);
    this.#states.set(
      id,
      new LimitState(limit, counter, this.#strengthOf(limit, counter), this.#glances),
    );
  }

  #strengthOf(limit: ResolvedLimit, counter: Counter): Strength {
    const make = this.#config.strengths.get(limit.strength);
    if (make !== undefined) return make(limit, counter);
    return new Approximate(limit, counter, this.#members, {
      touchMs: this.#config.dropMs * CLOCK_SPEED_MARGIN,
      roundTripMs: this.#config.roundTripMs,
    });
  }

  /** Brings a limit to the window of `wallMs`. */
  turn(state: LimitState, now: Millis, wallMs: WallMillis): void {
    const { counter, limit } = state;
    if (wallMs < counter.endMs) {
      if (counter.isRolling) this.#roll(state, wallMs);
      return;
    }
    const span = this.#windows.at(limit.shape, wallMs);
    if (span === undefined || span.id === counter.span.id) return;
    this.#flusher.turned(state);
    state.turn(this.#open(limit, span, wallMs), now);
  }

  /** Tells when use comes near the limit, or above it. */
  watch(state: LimitState): void {
    const { counter, limit } = state;
    if (counter.used < limit.nearAt) return;
    const fact = { limit: limit.id, window: counter.span.id, used: counter.used, of: limit.limit };
    if (!counter.isNearTold) {
      counter.isNearTold = true;
      this.#outbox.push({ type: "event", event: { type: "near", ...fact } });
    }
    if (counter.used > limit.limit && !counter.isDebtTold) {
      counter.isDebtTold = true;
      this.#outbox.push({ type: "event", event: { type: "debt", ...fact } });
    }
  }

  #roll(state: LimitState, wallMs: WallMillis): void {
    const { counter, limit } = state;
    if (!counter.advance(wallMs)) return;
    state.strength.learned();
    // A rolling window never ends: it may be told again once use was clearly lower.
    if (counter.used * 10 < limit.nearAt * 9) counter.isNearTold = false;
    if (counter.used * 10 < limit.limit * 9) counter.isDebtTold = false;
  }

  #open(limit: ResolvedLimit, span: WindowSpan, wallMs: WallMillis): Counter {
    const { id, created } = limit;
    const { node, boot } = this.#config;
    const key = cellKey({ limit: id, created, window: span.id, node, boot });
    let counter = this.#parked.get(key);
    this.#parked.delete(key);
    counter ??= new Counter(span, key, { node, boot }, subWindowMs(limit.shape));
    counter.advance(wallMs);
    this.#outbox.push({
      type: "replayCells",
      prefix: windowKeyPrefix(id, created, span.id),
    });
    return counter;
  }

  #park(state: LimitState, wallMs: WallMillis): void {
    const { counter, limit } = state;
    this.#states.delete(limit.id);
    state.close();
    this.#flusher.turned(state);
    for (const [key, parked] of this.#parked) {
      if (parked.overMs <= wallMs) this.#parked.delete(key);
    }
    this.#parked.set(counter.key, counter);
  }

  #tellRefused(limit: string, problem: string): void {
    this.#outbox.push({ type: "event", event: { type: "refusedDefinition", limit, problem } });
  }
}

/** Limits that agree in this count in the same windows, and in the same way. */
function kindOf({ created, shape, strength }: ResolvedLimit): string {
  return `${created}|${windowPrefix(shape)}|${strength}`;
}
