/**
 * How fast something is asked for, lately.
 *
 * @module
 */

import type { Millis } from "../machine.ts";

/** What happened this long ago counts about half. */
export const RATE_MEMORY_MS = 1_000;

/** A running mean that forgets; no logarithm or power in it, so that it is the same everywhere. */
export class Rate {
  #perSecond = 0;
  #since = 0;
  #at: Millis = -Infinity;

  /** `micros` more were asked for. */
  note(micros: number): void {
    this.#since += micros;
  }

  /** Micro-units per second at `now`, rounded to a whole number. */
  at(now: Millis): number {
    if (this.#at === -Infinity) this.#at = now - RATE_MEMORY_MS;
    const passedMs = now - this.#at;
    if (passedMs >= 1) {
      const lately = this.#since * 1_000 / passedMs;
      this.#perSecond += (lately - this.#perSecond) * (passedMs / (passedMs + RATE_MEMORY_MS));
      this.#since = 0;
      this.#at = now;
    }
    return Math.min(Math.round(this.#perSecond), Number.MAX_SAFE_INTEGER);
  }
}

/** What a rate told `ageMs` ago may be taken for now: halved every second. */
export function faded(perSecond: number, ageMs: Millis): number {
  let halvings = Math.floor(ageMs / RATE_MEMORY_MS);
  if (!(halvings < 53)) return 0;
  let rate = perSecond;
  for (; halvings > 0; halvings--) rate /= 2;
  return rate;
}
