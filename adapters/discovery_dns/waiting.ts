/** @module */

import { setMaxListeners } from "node:events";
import type { Clock, Millis } from "../../mod.ts";

/** Waits that can be ended early. Keeps no process alive. */
export class Waker {
  #wake: () => void = () => {};

  /** Resolves after `ms`, on `wake`, or as soon as `signal` aborts. One wait at a time. */
  wait(clock: Clock, ms: Millis, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        disarm();
        signal.removeEventListener("abort", done);
        this.#wake = () => {};
        resolve();
      };
      const disarm = clock.alarm(clock.now() + ms, done);
      signal.addEventListener("abort", done);
      this.#wake = done;
    });
  }

  /** Ends the wait under way, if there is one. */
  wake(): void {
    this.#wake();
  }
}

/** A signal of its own that aborts with others; `end` aborts it and lets go of them. */
export class Linked {
  readonly signal: AbortSignal;
  readonly #controller: AbortController = new AbortController();
  readonly #others: readonly AbortSignal[];
  readonly #abort = (): void => this.#controller.abort();

  constructor(...others: readonly AbortSignal[]) {
    this.signal = this.#controller.signal;
    this.#others = others;
    // Node warns above 10; as many questions as are under way listen.
    setMaxListeners(0, this.signal);
    for (const other of others) {
      if (other.aborted) this.#abort();
      other.addEventListener("abort", this.#abort);
    }
  }

  /** Harmless twice. */
  end(): void {
    this.#abort();
    for (const other of this.#others) other.removeEventListener("abort", this.#abort);
  }
}

/** Does `work` for every item, at most `lanesMax` at a time. `work` MUST NOT reject. */
export async function inLanes<T>(
  items: readonly T[],
  lanesMax: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const lane = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(lanesMax, items.length) }, lane));
}
