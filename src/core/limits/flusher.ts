/**
 * Decides when changed cells are written, and writes them.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { LimitsConfig } from "./config.ts";
import type { LimitsEffect } from "./contract.ts";
import type { Counter } from "./counter.ts";
import type { LimitState } from "./limit_state.ts";

/** Collects changes: the first after a pause goes out at once, further ones together. */
export class Flusher {
  readonly #config: LimitsConfig;
  #dirty: LimitState[] = [];
  #ended: Counter[] = [];
  #lastMs: Millis = -Infinity;
  #flushAt: Millis | undefined;

  /** Timings are in the configuration. */
  constructor(config: LimitsConfig) {
    this.#config = config;
  }

  /** When the next flush is due. */
  next(): Millis | undefined {
    return this.#flushAt;
  }

  /** The cell of this limit's present window needs a word. */
  touch(state: LimitState, now: Millis): void {
    if (!state.counter.isDirty) {
      state.counter.isDirty = true;
      this.#dirty.push(state);
      this.#arm(now, this.#config.flushMs);
    }
    if (state.strength.isUrgent) this.#arm(now, this.#config.urgentFlushMs);
  }

  /** The cell of a window that is over was corrected. */
  touchEnded(counter: Counter, now: Millis): void {
    if (counter.isDirty) return;
    counter.isDirty = true;
    this.#ended.push(counter);
    this.#arm(now, this.#config.flushMs);
  }

  /** What is changed goes out now. */
  hurry(now: Millis): void {
    if (this.#flushAt !== undefined) this.#flushAt = now;
  }

  /** A limit begins another window: what its last one still has to say is said all the same. */
  turned(ended: Counter): void {
    if (ended.isDirty) this.#ended.push(ended);
  }

  /** Writes what is due; answers how many cells. */
  flush(now: Millis, out: LimitsEffect[]): number {
    if (this.#flushAt === undefined || now < this.#flushAt) return 0;
    this.#flushAt = undefined;
    this.#lastMs = now;
    const dirty = this.#dirty;
    const ended = this.#ended;
    this.#dirty = [];
    this.#ended = [];
    let count = 0;
    for (const counter of ended) {
      if (!counter.isDirty) continue;
      counter.own.ceiling = counter.own.total;
      this.#write(counter, out);
      count++;
    }
    // A limit whose window turned meanwhile may be here twice, or without anything to say.
    for (const { strength, counter } of dirty) {
      if (!counter.isDirty) continue;
      strength.speak(now);
      this.#write(counter, out);
      count++;
    }
    return count;
  }

  #arm(now: Millis, pauseMs: Millis): void {
    const at = Math.max(now, this.#lastMs + pauseMs);
    if (this.#flushAt === undefined || at < this.#flushAt) this.#flushAt = at;
  }

  #write(counter: Counter, out: LimitsEffect[]): void {
    counter.isDirty = false;
    const bytes = counter.encode();
    const expiresMs = counter.overMs + this.#config.horizonMs;
    out.push({ type: "writeCell", key: counter.key, word: counter.own.word, bytes, expiresMs });
  }
}
