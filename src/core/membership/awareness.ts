/**
 * How well this node itself is: Lifeguard's local health (memberlist.md 4.3).
 *
 * @module
 */

import type { Millis } from "../machine.ts";

/** A score from 0 (well) to `multiplierMax - 1`; the worse, the longer we wait before we accuse others. */
export class Awareness {
  readonly #scoreMax: number;
  #score = 0;

  /** `multiplierMax` is the number of scores (Go: AwarenessMaxMultiplier). */
  constructor(multiplierMax: number) {
    this.#scoreMax = multiplierMax - 1;
  }

  /** 0 is well. */
  get score(): number {
    return this.#score;
  }

  /** Adds `delta` within the bounds; `true` when the score changed. */
  apply(delta: number): boolean {
    const before = this.#score;
    this.#score = Math.min(this.#scoreMax, Math.max(0, before + delta));
    return this.#score !== before;
  }

  /** A timeout stretched by the present score. */
  scale(timeoutMs: Millis): Millis {
    return timeoutMs * (this.#score + 1);
  }
}
