import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { simulate, type Simulation } from "../../src/testing/simulation/simulation.ts";
import type { SimulationOptions } from "../../src/testing/simulation/simulation_options.ts";

function started(options: SimulationOptions): Simulation {
  const sim = simulate(options);
  sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
  return sim;
}

function sound(sim: Simulation): void {
  assert.deepEqual(sim.violations, [], `replay with seed ${sim.seed}`);
}

describe("replication through trouble", () => {
  it("gives a newcomer everything while writes go on", () => {
    const sim = started({ seed: 80, nodes: 3 });
    for (let i = 0; i < 2_000; i++) sim.set(i % 3, "virtual_key", `k${i}`, { i, on: true });
    sim.runUntil(() => sim.converged(), { withinMs: 20_000 });
    const newcomer = sim.addNode();
    for (let i = 0; i < 300; i++) {
      sim.set(i % 3, "virtual_key", `k${i * 3}`, { i, on: false });
      sim.delete((i + 1) % 3, "virtual_key", `k${i * 3 + 1}`);
      sim.runFor(5);
    }
    sim.runUntil(() => sim.converged(), { withinMs: 30_000 });
    assert.deepEqual(sim.get(newcomer, "virtual_key", "k3"), { i: 1, on: false });
    assert.equal(sim.get(newcomer, "virtual_key", "k4"), undefined);
    assert.deepEqual(sim.get(newcomer, "virtual_key", "k1999"), { i: 1_999, on: true });
    sim.runFor(200_000);
    sound(sim);
  });

  it("gives the newcomer another source when the first dies", () => {
    const sim = started({ seed: 81, nodes: 4, network: { delayMs: [20, 60] } });
    const text = "x".repeat(2_000);
    for (let i = 0; i < 1_500; i++) sim.set(0, "pricing", `k${i}`, text);
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    const newcomer = sim.addNode();
    sim.runUntil(() => (sim.node(newcomer).life?.links?.machine.store.size ?? 0) > 100, {
      withinMs: 30_000,
      everyMs: 5,
    });
    const size = sim.node(newcomer).life?.links?.machine.store.size ?? 0;
    assert.ok(size < 1_500, "the snapshot is under way");
    const source = sim.nodes.find(({ life }) =>
      (life?.links?.machine.counters.snapshotsServed ?? 0) > 0 &&
      life?.links?.machine.view().links.some(({ peer, inFlight }) =>
        peer === `n${newcomer}` && inFlight > 0
      )
    );
    assert.ok(source !== undefined);
    sim.crash(source.index, { dark: true });
    sim.runUntil(() => sim.converged(), { withinMs: 90_000 });
    sim.runFor(200_000);
    sound(sim);
  });

  it("loses nothing when every node is replaced, one after the other", () => {
    const sim = started({ seed: 82, nodes: 3 });
    for (let i = 0; i < 100; i++) sim.set(i % 3, "budget", `k${i}`, i);
    sim.runUntil(() => sim.converged(), { withinMs: 10_000 });
    for (let host = 0; host < 3; host++) {
      const fresh = sim.addNode({ nodeId: `new${host}`, seeds: [0, 1, 2, 3, 4, 5] });
      sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
      sim.leave(host);
      sim.set(fresh, "budget", `on${host}`, host);
      sim.runUntil(() => !sim.node(host).isUp && sim.converged(), { withinMs: 60_000 });
    }
    const survivors = sim.nodes.filter(({ isUp }) => isUp);
    assert.deepEqual(survivors.map(({ nodeId }) => nodeId), ["new0", "new1", "new2"]);
    for (const { index } of survivors) {
      for (let i = 0; i < 100; i++) assert.equal(sim.get(index, "budget", `k${i}`), i);
      for (let i = 0; i < 3; i++) assert.equal(sim.get(index, "budget", `on${i}`), i);
    }
    sim.runFor(400_000);
    sound(sim);
  });

  it("survives clocks that are minutes off, ahead and behind", () => {
    const skews = [0, 240_000, -180_000, 0, 5_000];
    const sim = started({
      seed: 83,
      nodes: 5,
      node: (index) => ({ skewMs: skews[index] as number }),
    });
    for (let round = 0; round < 20; round++) {
      for (let index = 0; index < 5; index++) {
        sim.set(index, "budget", "shared", `${round} by ${index}`);
        sim.runFor(1_000);
      }
    }
    sim.runUntil(() => sim.converged(), { withinMs: 5_000 });
    for (const { index } of sim.nodes) {
      assert.equal(sim.get(index, "budget", "shared"), "19 by 4", "the last write wins");
    }
    sim.runFor(200_000);
    sound(sim);
  });

  it("brings the writes of a fast clock back to the present when its partition ends", () => {
    const sim = started({ seed: 84, nodes: 4, node: (i) => i === 0 ? { skewMs: 300_000 } : {} });
    sim.cut({ from: [0], to: [1, 2, 3], bothWays: true });
    sim.runFor(120_000);
    sim.set(0, "budget", "from the future", 1);
    sim.runFor(10_000);
    sim.heal();
    sim.runUntil(() => sim.converged(), { withinMs: 120_000 });
    assert.equal(sim.get(3, "budget", "from the future"), 1);
    sim.set(3, "budget", "from the future", 2);
    sim.runUntil(() => sim.nodes.every((n) => n.get("budget", "from the future") === 2), {
      withinMs: 5_000,
    });
    sim.runFor(200_000);
    sound(sim);
  });

  it("holds a write as long as one of those that have it lives", () => {
    const sim = started({ seed: 85, nodes: 4, defaults: { seeds: [0, 1, 2, 3] } });
    sim.cut({ from: [0, 1], to: [2, 3], bothWays: true });
    sim.runFor(40_000);
    sim.set(0, "budget", "a", 1);
    sim.runFor(1_000);
    sim.crash(0);
    sim.runFor(60_000);
    sim.heal();
    sim.restart(0);
    sim.runUntil(() => sim.converged(), { withinMs: 90_000 });
    for (const { index } of sim.nodes) assert.equal(sim.get(index, "budget", "a"), 1);
    sim.runFor(200_000);
    sound(sim);
  });
});
