/**
 * Counts packets that were of no use, and says so now and then.
 *
 * @module
 */

import type { Millis } from "../../mod.ts";

/** Why a packet was dropped. */
export type DropReason = "oversize" | "malformed" | "flood";

/** How often it is said. */
const SAY_EVERY_MS: Millis = 60_000;

/** The packets of all links that were dropped. */
export class Drops {
  readonly #say: (counts: Readonly<Record<DropReason, number>>) => void;
  readonly #counts: Record<DropReason, number> = { oversize: 0, malformed: 0, flood: 0 };
  #saidMs: Millis = -Infinity;

  /** `say` is given all counts so far. */
  constructor(say: (counts: Readonly<Record<DropReason, number>>) => void) {
    this.#say = say;
  }

  /** One more. */
  add(reason: DropReason, now: Millis): void {
    this.#counts[reason]++;
    if (now < this.#saidMs + SAY_EVERY_MS) return;
    this.#saidMs = now;
    this.#say({ ...this.#counts });
  }
}
