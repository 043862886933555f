/**
 * What proves a cluster: a simulator that plays hours of it in seconds, and one suite of rules for
 * every port.
 *
 * ```ts
 * import { simulate } from "@althing/cluster/testing";
 *
 * const sim = simulate({ seed: 42, nodes: 5, network: { lossRatio: 0.1 } });
 * sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
 * sim.crash(0);
 * sim.runFor(60_000); // a minute of virtual time
 * console.log(sim.violations, sim.hash);
 * ```
 *
 * @module
 */

export * from "./compliance/mod.ts";
export { type MemoryDiscovery, memoryDiscovery } from "./memory_discovery.ts";
export * from "./memory/mod.ts";
export * from "./simulation/mod.ts";
