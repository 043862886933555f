/** @module */

import type { Clock, Millis } from "../../mod.ts";

/** So many questions at once. */
const BURST = 5;

/** One more after so long. */
const REFILL_MS: Millis = 1_000;

/**
 * Slows questions down: a lone change is told at once, but neither a service in constant change nor an agent that
 * answers at once is asked more than once a second for long.
 */
export class Pace {
  readonly #clock: Clock;
  /** When the bucket is full again; in the past: it is full. */
  #fullAt: Millis = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the next question may be put, or when `signal` aborts. */
  async take(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const from = Math.max(this.#fullAt, now);
    this.#fullAt = from + REFILL_MS;
    const at = this.#fullAt - BURST * REFILL_MS;
    if (at <= now || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const disarm = this.#clock.alarm(at, done);
      signal.addEventListener("abort", done, { once: true });
      function done(): void {
        disarm();
        signal.removeEventListener("abort", done);
        resolve();
      }
    });
  }
}
