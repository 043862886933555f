/**
 * A clock and a network in memory: the ports of a node without the machine.
 *
 * @module
 */

export { ManualClock } from "./manual_clock.ts";
export {
  type MemoryHost,
  type MemoryNetwork,
  memoryNetwork,
  type MemoryNetworkOptions,
} from "./network.ts";
export { type MemoryCounters } from "./wires.ts";
export { type NetworkFaults, type ResolvedFaults } from "../simulation/faults.ts";
