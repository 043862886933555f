/**
 * One limit at work: its definition, its counter and who decides.
 *
 * @module
 */

import type { Counter } from "./counter.ts";
import type { ResolvedLimit } from "./definition.ts";
import type { Strength } from "./strength.ts";

/** What the machine keeps per limit. */
export class LimitState {
  limit: ResolvedLimit;
  counter: Counter;
  readonly strength: Strength;
  /** What earlier items of the call under decision take of it. */
  pending = 0;

  /** A limit with its present window. */
  constructor(limit: ResolvedLimit, counter: Counter, strength: Strength) {
    this.limit = limit;
    this.counter = counter;
    this.strength = strength;
  }
}
