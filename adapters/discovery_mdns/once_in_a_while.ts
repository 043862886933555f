/** @module */

import type { Millis } from "../../mod.ts";

/** Each thing is said again after this at the earliest. */
const AGAIN_MS: Millis = 600_000;
/** As many things are remembered; more in that time are not said. */
const THINGS_MAX = 256;

/** Keeps what others can cause from filling the log. */
export class OnceInAWhile {
  readonly #saidMs = new Map<string, Millis>();

  /** Whether to say it now. */
  says(thing: string, now: Millis): boolean {
    for (const [said, atMs] of this.#saidMs) {
      if (atMs + AGAIN_MS > now) break;
      this.#saidMs.delete(said);
    }
    if (this.#saidMs.has(thing) || this.#saidMs.size >= THINGS_MAX) return false;
    this.#saidMs.set(thing, now);
    return true;
  }
}
