import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { simulate, type Simulation } from "../../src/testing/simulation/simulation.ts";

const LEFT = [0, 1, 2];
const RIGHT = [3, 4, 5];

/** Six nodes that have found one another. */
function sixNodes(seed: number): Simulation {
  const sim = simulate({ seed, nodes: 6, defaults: { seeds: [0, 1, 2, 3, 4, 5] } });
  sim.runUntil(() => sim.converged(), { withinMs: 30_000 });
  return sim;
}

function sound(sim: Simulation): void {
  assert.deepEqual(sim.violations, [], `replay with seed ${sim.seed}`);
}

describe("a partition", () => {
  for (const seed of [222, 1, 2]) {
    it(`heals within 15 s although both sides have forgotten each other (memberlist issue 222, seed ${seed})`, () => {
      const sim = sixNodes(seed);
      sim.cut({ from: LEFT, to: RIGHT, bothWays: true });
      sim.runFor(600_000);
      for (const index of LEFT) assert.equal(sim.node(index).members().length, 3, "both reaped");
      for (const index of RIGHT) assert.equal(sim.node(index).members().length, 3, "both reaped");
      sim.heal();
      sim.runUntil(() => sim.nodes.every((node) => node.live().length === 6), {
        withinMs: 15_000,
      });
      sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
      sim.runFor(200_000);
      sound(sim);
    });
  }

  it("heals when nobody configured reaches across: the dead are remembered", () => {
    const sim = simulate({
      seed: 3,
      nodes: 6,
      node: (index) => ({ seeds: index < 3 ? [0, 1, 2] : [3, 4, 5] }),
      defaults: {},
    });
    const bridge = sim.addNode({ seeds: [0, 3] });
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    sim.leave(bridge);
    sim.runFor(120_000);
    sim.cut({ from: LEFT, to: RIGHT, bothWays: true });
    sim.runFor(600_000);
    sim.heal();
    sim.runUntil(() => sim.converged(), { withinMs: 90_000 });
    sim.runFor(200_000);
    sound(sim);
  });

  it("in one direction only ends with one cluster", () => {
    const sim = simulate({
      seed: 4,
      nodes: 7,
      network: { lossRatio: 0.05, delayMs: [1, 40] },
    });
    sim.runUntil(() => sim.converged(), { withinMs: 30_000 });
    sim.cut({ from: [0, 1, 2], to: [3, 4, 5, 6] });
    sim.runFor(120_000);
    sim.heal();
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    sound(sim);
  });

  it("of one direction between two of many accuses nobody for long", () => {
    const sim = sixNodes(5);
    sim.cut({ from: [0], to: [1] });
    sim.runFor(300_000);
    for (const node of sim.nodes) assert.equal(node.live().length, 6, `${node.nodeId} sees all`);
    sim.heal();
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    sound(sim);
  });

  it("keeps what either side wrote, the newer where both did, and deletes on either side stay", () => {
    const sim = sixNodes(6);
    sim.set(0, "virtual_key", "both", 0);
    sim.set(0, "virtual_key", "doomed", 0);
    sim.set(0, "virtual_key", "reborn", 0);
    sim.runUntil(() => sim.converged(), { withinMs: 5_000 });
    sim.cut({ from: LEFT, to: RIGHT, bothWays: true });
    sim.runFor(60_000);
    sim.set(1, "virtual_key", "left", 1);
    sim.set(4, "virtual_key", "right", 4);
    sim.set(1, "virtual_key", "both", 1);
    sim.delete(1, "virtual_key", "reborn");
    sim.runFor(1_000);
    sim.set(4, "virtual_key", "both", 4);
    sim.set(4, "virtual_key", "reborn", 4);
    sim.delete(4, "virtual_key", "doomed");
    sim.runFor(600_000);
    sim.heal();
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    for (const { index } of sim.nodes) {
      assert.equal(sim.get(index, "virtual_key", "left"), 1);
      assert.equal(sim.get(index, "virtual_key", "right"), 4);
      assert.equal(sim.get(index, "virtual_key", "both"), 4);
      assert.equal(sim.get(index, "virtual_key", "reborn"), 4);
      assert.equal(sim.get(index, "virtual_key", "doomed"), undefined);
    }
    sim.runFor(200_000);
    sound(sim);
  });

  it("gives each side its own leader and both the same one afterwards", () => {
    const sim = sixNodes(7);
    sim.cut({ from: LEFT, to: RIGHT, bothWays: true });
    sim.runFor(90_000);
    assert.equal(sim.node(1).leaders?.cluster, "n0");
    assert.equal(sim.node(5).leaders?.cluster, "n3");
    sim.heal();
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    for (const node of sim.nodes) assert.equal(node.leaders?.cluster, "n0");
    sound(sim);
  });
});
