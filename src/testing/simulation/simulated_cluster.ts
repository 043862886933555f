/**
 * The simulator as users of the package see it.
 *
 * @module
 */

import type { Version } from "../../core/hlc.ts";
import type { Millis } from "../../core/machine.ts";
import type { Violation } from "./checker.ts";
import type { NetworkFaults } from "./faults.ts";
import { simulate as simulateWhole } from "./simulation.ts";
import type { Sides } from "./simulation_options.ts";

/** What to simulate. */
export interface SimulateOptions {
  /** Everything random follows from it; 32 bits. */
  readonly seed: number;
  /** How many nodes start at once, numbered from 0. */
  readonly nodes: number;
  /** What the network does from the beginning. @default {no loss, 1 to 5 ms} */
  readonly network?: NetworkFaults;
  /** Hears every event of every node, as a line of text. */
  readonly trace?: (line: string) => void;
}

/** A cluster in virtual time. Named invariants are checked after every change. */
export interface SimulatedCluster {
  /** Replays the run exactly. */
  readonly seed: number;
  /** The virtual instant. */
  readonly now: Millis;
  /** What was broken so far; empty when all held. */
  readonly violations: readonly Violation[];
  /** One number for all that happened, the same on every runtime. */
  readonly hash: string;
  /** What the network does from now on. */
  faults: NetworkFaults;
  /** Lets virtual time pass. */
  runFor(ms: Millis): void;
  /** Lets time pass until `check` holds, and answers how long it took; throws, with the seed, when it takes longer. */
  runUntil(check: () => boolean, options: { readonly withinMs: Millis }): Millis;
  /** Whether all running nodes see the same members, leaders and entities. */
  converged(): boolean;
  /** What keeps them from it, for people. */
  difference(): string | undefined;
  /** Cuts the way from some nodes to others. */
  cut(sides: Sides): void;
  /** Mends it; everything without sides. */
  heal(sides?: Sides): void;
  /** A node dies without a word and loses its memory. */
  crash(index: number): void;
  /** It starts again. */
  restart(index: number): void;
  /** Its event loop is blocked. */
  pause(index: number, ms: Millis): void;
  /** Its wall clock is off by so much. */
  skew(index: number, skewMs: Millis): void;
  /** It leaves politely. */
  leave(index: number): void;
  /** Writes an entity at a node. */
  set(index: number, type: string, key: string, value: unknown): Version;
  /** Deletes one. */
  delete(index: number, type: string, key: string): Version;
  /** Reads one. */
  get(index: number, type: string, key: string): unknown;
}

/** Starts a cluster of whole nodes; nothing happens before time passes. */
export function simulate(options: SimulateOptions): SimulatedCluster {
  return simulateWhole(options);
}
