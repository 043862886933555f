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

/**
 * Collects changes: the first after a pause goes out at once, further ones together. When more cells change than can be
 * written, each is written less often; a cell says all that changed since its last word.
 */
export class Flusher {
  readonly #config: LimitsConfig;
  /** Limits whose present cell needs a word, in the order of the change. */
  readonly #dirty: Set<LimitState> = new Set();
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
      this.#dirty.add(state);
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
  turned(state: LimitState): void {
    this.#dirty.delete(state);
    if (state.counter.isDirty) this.#ended.push(state.counter);
  }

  /** Writes what is due, all of it with `isLast`; answers how many cells. */
  flush(now: Millis, out: LimitsEffect[], isLast = false): number {
    if (this.#flushAt === undefined || now < this.#flushAt) return 0;
    const { cellsPerFlush, flushMs } = this.#config;
    const part = flushMs > 0 ? Math.min(1, (now - this.#lastMs) / flushMs) : 1;
    this.#flushAt = undefined;
    this.#lastMs = now;
    const before = out.length;
    for (const counter of this.#ended) {
      counter.own.ceiling = counter.own.total;
      this.#write(counter, out);
    }
    this.#ended = [];
    const most = isLast ? Infinity : out.length + Math.ceil(cellsPerFlush * part);
    for (const state of this.#dirty) {
      if (out.length >= most) break;
      this.#dirty.delete(state);
      state.collect(now);
      state.strength.speak(now);
      this.#write(state.counter, out);
    }
    if (this.#dirty.size > 0) this.#arm(now, flushMs);
    return out.length - before;
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
