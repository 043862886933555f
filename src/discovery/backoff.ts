/** @module */

import type { Millis } from "../core/machine.ts";
import type { Rng } from "../core/rng.ts";

/** Waits that double up to a cap, each shortened by up to half so that nodes do not march in step. */
export class Backoff {
  readonly #rng: Rng;
  readonly #baseMs: Millis;
  readonly #capMs: Millis;
  #failures = 0;

  /** The first wait is `baseMs` at most. */
  constructor(rng: Rng, baseMs: Millis, capMs: Millis) {
    this.#rng = rng;
    this.#baseMs = baseMs;
    this.#capMs = capMs;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** How long to wait after one more failure. */
  next(): Millis {
    const longestMs = Math.min(this.#capMs, this.#baseMs * (1 << Math.min(this.#failures, 20)));
    this.#failures++;
    return longestMs * this.#rng.between(0.5, 1);
  }

  /** It worked. */
  reset(): void {
    this.#failures = 0;
  }
}
