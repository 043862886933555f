/**
 * Whole clusters in virtual time.
 *
 * @module
 */

export type { Violation } from "./checker.ts";
export type { NetworkFaults } from "./faults.ts";
export { simulate, type SimulatedCluster, type SimulateOptions } from "./simulated_cluster.ts";
export type { Sides } from "./simulation_options.ts";
