/**
 * Tuning of the rejoin machine.
 *
 * @module
 */

import type { Address, Millis } from "../machine.ts";

/** Tuning of the rejoin machine. */
export interface RejoinOptions {
  /** Our own advertised address: never dialled. */
  readonly self: Address;
  /** Seeds the jitter. */
  readonly seed: number;
  /**
   * Wait before the first try, on average, and the unit that doubles, in ms.
   *
   * @default {1000}
   */
  readonly baseMs?: Millis;
  /**
   * Longest wait between tries of a configured or discovered address.
   *
   * @default {10000}
   */
  readonly candidateCapMs?: Millis;
  /**
   * Longest wait between tries of a dead member's address, and of a candidate that answers under another address.
   *
   * @default {60000}
   */
  readonly deadCapMs?: Millis;
  /**
   * For how long the address of a dead member is tried.
   *
   * @default {86400000}
   */
  readonly rememberMs?: Millis;
  /**
   * How many addresses of dead members are remembered; the oldest go first.
   *
   * @default {1024}
   */
  readonly rememberMax?: number;
  /**
   * How many candidates are taken from one input; the rest is ignored.
   *
   * @default {4096}
   */
  readonly candidatesMax?: number;
  /**
   * Nobody alive for so long means isolated.
   *
   * @default {10000}
   */
  readonly isolatedAfterMs?: Millis;
  /**
   * Addresses tried in one second, on average.
   *
   * @default {16}
   */
  readonly joinsPerSecondMax?: number;
}

/** What {@linkcode RejoinOptions} leaves out. */
export const REJOIN_DEFAULTS: Required<Omit<RejoinOptions, "self" | "seed">> = {
  baseMs: 1000,
  candidateCapMs: 10_000,
  deadCapMs: 60_000,
  rememberMs: 86_400_000,
  rememberMax: 1024,
  candidatesMax: 4096,
  isolatedAfterMs: 10_000,
  joinsPerSecondMax: 16,
};
