/**
 * Rules of the `owner` strength that look dispensable, and what the checker says without each.
 *
 * @module
 */

import type { OwnerRules } from "../../../src/core/limits/owner/rules.ts";

/** A rule left out, and within how many seeds that is found. */
export interface PlantedVariant {
  readonly name: string;
  readonly rules: Partial<OwnerRules>;
  /** A seed that shows it. */
  readonly seed: number;
  readonly withinSeeds: number;
  /** What the checker says. */
  readonly sees: RegExp;
}

/** All of them. */
export const PLANTED_VARIANTS: readonly PlantedVariant[] = [
  {
    name: "a repeat that is charged again",
    rules: { remembersCharges: false },
    seed: 4,
    withinSeeds: 300,
    sees: /count: /,
  },
  {
    name: "a cancel that is forgotten when it overtakes its charge",
    rules: { remembersCancels: false },
    seed: 53,
    withinSeeds: 300,
    sees: /count: /,
  },
  {
    name: "an owner that answers before the next on the ring has the charge",
    rules: { waitsForNext: false },
    seed: 11,
    withinSeeds: 300,
    sees: /count: |cap: /,
  },
  {
    name: "a new next on the ring that is given only what changes",
    rules: { syncsNext: false },
    seed: 48,
    withinSeeds: 300,
    sees: /count: |cap: /,
  },
  {
    name: "a new owner that does not pull",
    rules: { pullsFirst: false },
    seed: 18,
    withinSeeds: 300,
    sees: /count: |cap: /,
  },
  {
    name: "an old owner that goes on when it was pulled from",
    rules: { yieldsWhenPulled: false },
    seed: 368,
    withinSeeds: 1_000,
    sees: /count: |cap: /,
  },
  {
    name: "a new owner that is not told whose charges it counts",
    rules: { handsOnCharges: false },
    seed: 41,
    withinSeeds: 300,
    sees: /count: /,
  },
];
