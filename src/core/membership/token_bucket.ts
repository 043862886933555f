/**
 * A limit on how often something may happen.
 *
 * @module
 */

import type { Millis } from "../machine.ts";

/** `perSecond` on average, twice as many in a burst. */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #filledMs: Millis = 0;

  /** Starts full. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = 2 * perSecond;
  }

  /** Takes one if there is one. */
  take(now: Millis): boolean {
    const elapsedMs = Math.max(0, now - this.#filledMs);
    this.#filledMs = now;
    this.#tokens = Math.min(
      2 * this.#perSecond,
      this.#tokens + elapsedMs * this.#perSecond / 1000,
    );
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
