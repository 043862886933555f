/**
 * Tuning of the limits machine.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { Calendar } from "./calendar.ts";
import type { Counter } from "./counter.ts";
import type { ResolvedLimit, StrengthName } from "./definition.ts";
import type { Strength } from "./strength.ts";

/** Makes who decides for one limit, beginning with a counter. */
export type StrengthMaker = (limit: ResolvedLimit, counter: Counter) => Strength;

/** What a node may say about its limits; everything but the identity and the calendar has a default. */
export interface LimitsOptions {
  /** This node's id. */
  readonly node: string;
  /** Different after every restart: what this life counts goes to cells of its own. */
  readonly boot: string;
  /** Knows time zones. */
  readonly calendar: Calendar;
  /** A changed cell is written at once after a pause of this length, otherwise this long after the last. @default {20} */
  readonly flushMs?: Millis;
  /** The same where the limit is near. @default {5} */
  readonly urgentFlushMs?: Millis;
  /** Most cells written at once; what changed first goes first, the rest waits for the next time. @default {1000} */
  readonly cellsPerFlush?: number;
  /** What callers are told to wait when the peers must hear of something first. @default {25} */
  readonly roundTripMs?: Millis;
  /** How long a peer that counted us among its acknowledgers goes on to; see {@linkcode Acknowledgers}. @default {5000} */
  readonly dropMs?: Millis;
  /** How long cells of ended windows are kept for late corrections. @default {60000} */
  readonly horizonMs?: Millis;
  /** Most open reservations. @default {100000} */
  readonly reservationsMax?: number;
  /** How many nodes the cluster is meant to have: among fewer, those not seen yet count as unheard. @default {0: not known} */
  readonly expectedNodes?: number;
  /** Strengths beyond `approximate` that this node can keep. @default {none} */
  readonly strengths?: ReadonlyMap<StrengthName, StrengthMaker>;
}

/** {@linkcode LimitsOptions} after defaults. */
export type LimitsConfig = Readonly<Required<LimitsOptions>>;

/** Fills in defaults; throws `RangeError` for what cannot work. */
export function resolveLimits(options: LimitsOptions): LimitsConfig {
  const config: LimitsConfig = Object.freeze({
    flushMs: 20,
    urgentFlushMs: 5,
    cellsPerFlush: 1_000,
    roundTripMs: 25,
    dropMs: 5_000,
    horizonMs: 60_000,
    reservationsMax: 100_000,
    expectedNodes: 0,
    strengths: new Map(),
    ...options,
  });
  for (
    const name of ["flushMs", "urgentFlushMs", "roundTripMs", "dropMs", "horizonMs"] as const
  ) {
    const value = config[name];
    if (!(value >= 0 && value < Infinity)) {
      throw new RangeError(
        `Cannot keep limits as ${name} must be a number >= 0: current value is ${value}`,
      );
    }
  }
  for (const name of ["cellsPerFlush", "reservationsMax"] as const) {
    if (!Number.isInteger(config[name]) || config[name] < 1) {
      throw new RangeError(
        `Cannot keep limits as ${name} must be an integer >= 1: current value is ${config[name]}`,
      );
    }
  }
  if (config.node === "" || config.boot === "") {
    throw new RangeError("Cannot keep limits as node and boot must not be empty: set both");
  }
  return config;
}
