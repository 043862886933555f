/**
 * What a simulation is made of.
 *
 * @module
 */

import type { CheckBounds, CheckerFactory } from "./checker.ts";
import type { NetworkFaults } from "./faults.ts";
import type { SimNodeOptions } from "./node_options.ts";

/** What is simulated. */
export interface SimulationOptions {
  /** Everything random follows from it; 32 bits. */
  readonly seed: number;
  /** How many nodes start at once. */
  readonly nodes: number;
  /** What the network does from the beginning. @default {no loss, 1 to 5 ms} */
  readonly network?: NetworkFaults;
  /** What all nodes have in common. */
  readonly defaults?: SimNodeOptions;
  /** How node `index` differs from that. */
  readonly node?: (index: number) => SimNodeOptions;
  /** How long things may take; see {@linkcode CheckBounds}. */
  readonly bounds?: Partial<CheckBounds>;
  /** Checkers besides the built-in ones. */
  readonly checkers?: readonly CheckerFactory[];
  /** Hears every event of every node, as a line of text. */
  readonly trace?: (line: string) => void;
}

/** Two sets of nodes, by number. */
export interface Sides {
  /** Numbers of the hosts that send. */
  readonly from: readonly number[];
  /** Numbers of the hosts that would receive. */
  readonly to: readonly number[];
  /** Both directions. @default {false} */
  readonly bothWays?: boolean;
}
