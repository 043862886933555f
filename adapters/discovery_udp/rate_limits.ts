/** @module */

import type { Millis } from "../../mod.ts";

/** Datagrams of one source that are looked at in a second; nodes on one machine share it. */
const PER_SOURCE_MAX = 64;
/** Datagrams of all sources that are looked at in a second: each costs up to 16 HMACs. */
const TOTAL_MAX = 2_000;
/** Sources that are counted in a second. */
const SOURCES_MAX = 1_024;
/** Answers that are sent in a second. */
const ANSWERS_MAX = 200;
const WINDOW_MS = 1_000;

/** Bounds what strangers can make us do, in windows of one second. */
export class RateLimits {
  readonly #sources: Map<string, number> = new Map();
  #windowMs: Millis = -Infinity;
  #total = 0;
  #answers = 0;

  /** Whether to look at a datagram of that source. */
  admits(ip: string, now: Millis): boolean {
    this.#turn(now);
    const count = this.#sources.get(ip) ?? 0;
    if (this.#total >= TOTAL_MAX || count >= PER_SOURCE_MAX) return false;
    if (count === 0 && this.#sources.size >= SOURCES_MAX) return false;
    this.#total++;
    this.#sources.set(ip, count + 1);
    return true;
  }

  /** Whether to send one more answer. */
  admitsAnswer(now: Millis): boolean {
    this.#turn(now);
    return ++this.#answers <= ANSWERS_MAX;
  }

  #turn(now: Millis): void {
    if (now - this.#windowMs < WINDOW_MS) return;
    this.#windowMs = now;
    this.#sources.clear();
    this.#total = 0;
    this.#answers = 0;
  }
}
