/**
 * Decides when an answer is due: soon after something has changed, and never one after the other.
 *
 * @module
 */

import type { Millis } from "../../mod.ts";

/** Whoever is there has answered the second question by then. */
const FIRST_WITHIN_MS: Millis = 1_300;
/** Those who answer after the first go into the same list. */
const SETTLE_MS: Millis = 100;
/** From one answer to the next at least. */
const PAUSE_MS: Millis = 250;

/** The answers of one session. */
export class News {
  #firstByMs: Millis | undefined;
  #checkMs: Millis = Infinity;
  #answeredMs: Millis = -Infinity;
  /** The last answer as text. */
  #told: string | undefined;

  /** The first call, or the first after one that was rejected: a whole list is due, after some waiting if it is empty. */
  begin(now: Millis): void {
    this.#told = undefined;
    this.#firstByMs = now + FIRST_WITHIN_MS;
    this.heard(now);
  }

  /** Something was heard that may change the list. */
  heard(now: Millis): void {
    this.#checkMs = Math.min(
      this.#checkMs,
      Math.max(now + SETTLE_MS, this.#answeredMs + PAUSE_MS),
    );
  }

  /** When to look at the list; `Infinity` for not before something is heard. */
  get checkMs(): Millis {
    return this.#checkMs;
  }

  /** Whether this list, looked at when it is due, is an answer. `text` says all of it. */
  isNews(text: string, isEmpty: boolean, now: Millis): boolean {
    if (now < this.#checkMs) return false;
    const waits = this.#firstByMs !== undefined && isEmpty && now < this.#firstByMs;
    this.#checkMs = waits ? this.#firstByMs as Millis : Infinity;
    if (waits || this.#told === text) return false;
    this.#firstByMs = undefined;
    this.#told = text;
    this.#answeredMs = now;
    return true;
  }
}
