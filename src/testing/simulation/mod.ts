/**
 * The simulator: whole clusters in virtual time, replayed from one seed.
 *
 * @module
 */

export {
  type CheckBounds,
  type Checker,
  type CheckerFactory,
  type Violation,
  type World,
} from "./checker.ts";
export { type NetworkFaults, type ResolvedFaults } from "./faults.ts";
export { type SimNodeOptions, type SimReplicationOptions } from "./node_options.ts";
export { type Plants, type SimMembership } from "./plants.ts";
export { randomRun, type RandomRunOptions, type RandomRunResult } from "./random_run.ts";
export { SimNode } from "./sim_node.ts";
export { simulate, Simulation } from "./simulation.ts";
export { type Sides, type SimulationOptions } from "./simulation_options.ts";
