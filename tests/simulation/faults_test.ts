import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CheckerFactory } from "../../src/testing/simulation/checker.ts";
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

/** Counts deaths of nodes that live. */
function falseDeaths(): { readonly checker: CheckerFactory; readonly victims: string[] } {
  const victims: string[] = [];
  const checker: CheckerFactory = (world) => ({
    invariants: [],
    membership(_node, event) {
      if (event.type !== "gone" || event.member.state !== "dead") return;
      const lives = world.nodes.some(({ name, isMember }) =>
        isMember && name === event.member.name
      );
      if (lives) victims.push(event.member.name);
    },
  });
  return { checker, victims };
}

describe("a cluster on a bad network", () => {
  it("of 30 % loss stays together", () => {
    const deaths = falseDeaths();
    const sim = started({
      seed: 30,
      nodes: 7,
      network: { lossRatio: 0.3, delayMs: [1, 60] },
      checkers: [deaths.checker],
    });
    sim.runFor(600_000);
    assert.deepEqual(deaths.victims, []);
    sim.set(3, "budget", "a", 1);
    sim.runUntil(() => sim.nodes.every(({ index }) => sim.get(index, "budget", "a") === 1), {
      withinMs: 10_000,
    });
    sound(sim);
  });

  it("that doubles and reorders everything neither dies nor goes back", () => {
    const sim = started({
      seed: 31,
      nodes: 5,
      network: { duplicateRatio: 0.5, delayMs: [0.1, 180] },
    });
    for (let i = 0; i < 200; i++) {
      sim.set(i % 5, "budget", `k${i % 7}`, i);
      sim.runFor(20);
    }
    sim.runUntil(() => sim.converged(), { withinMs: 30_000 });
    for (const { index } of sim.nodes) assert.equal(sim.get(index, "budget", "k3"), 199);
    sim.runFor(200_000);
    sound(sim);
  });

  it("finds a killed node, forgets it, and takes it back", () => {
    const sim = started({ seed: 32, nodes: 5 });
    sim.crash(4, { dark: true });
    const detected = sim.runUntil(
      () => sim.nodes.slice(0, 4).every((node) => node.live().length === 4),
      { withinMs: 30_000 },
    );
    assert.ok(detected > 1_000, "a suspect gets time");
    sim.runUntil(() => sim.nodes.slice(0, 4).every((node) => node.members().length === 4), {
      withinMs: 60_000,
    });
    sim.restart(4);
    sim.runUntil(() => sim.converged(), { withinMs: 30_000 });
    sound(sim);
  });
});

describe("a blocked event loop", () => {
  for (const pausedMs of [1_500, 4_000, 10_000]) {
    it(`of ${pausedMs} ms accuses nobody and kills nobody`, () => {
      const accusers: string[] = [];
      const sim = started({
        seed: 40 + pausedMs,
        nodes: 5,
        checkers: [() => ({
          invariants: [],
          membership(node, event) {
            if (event.type === "gone") accusers.push(`${node.nodeId} lost ${event.member.name}`);
            if (event.type !== "suspected") return;
            const accuser = event.member.evidence?.accuser ?? "";
            if (accuser.startsWith("n2-")) accusers.push(`n2 accused ${event.member.name}`);
          },
        })],
      });
      for (let i = 0; i < 5; i++) {
        sim.pause(2, pausedMs);
        sim.runFor(pausedMs + 20_000);
      }
      assert.deepEqual(accusers.filter((line) => line.startsWith("n2")), []);
      sim.runUntil(() => sim.converged(), { withinMs: 30_000 });
      sound(sim);
    });
  }
});

describe("identities", () => {
  it("do not pile up in a crash loop under one name", () => {
    const sim = started({ seed: 50, nodes: 4 });
    for (let i = 0; i < 60; i++) {
      sim.crash(3);
      sim.runFor(1_000);
      sim.restart(3);
      sim.runFor(4_000);
      for (const node of sim.nodes) assert.ok(node.members().length <= 4);
    }
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    sound(sim);
  });

  it("do not pile up in a crash loop under ever new names at one address", () => {
    const sim = started({ seed: 51, nodes: 4 });
    let last = 3;
    for (let i = 0; i < 60; i++) {
      sim.crash(last);
      last = sim.addNode({ host: 3, nodeId: `pod-${i}` });
      sim.runFor(10_000);
    }
    const most = Math.max(...sim.nodes.map((node) => node.members().length));
    assert.ok(most <= 15, `${most} members are listed, of 4 that live`);
    sim.runFor(330_000);
    for (const node of sim.nodes.filter(({ isUp }) => isUp)) {
      assert.equal(node.members().length, 4);
    }
    sound(sim);
  });

  it("that left are forgotten at once by leaders and in time by members", () => {
    const sim = started({ seed: 52, nodes: 5 });
    sim.leave(0);
    sim.runUntil(
      () => sim.nodes.slice(1).every((node) => node.leaders?.cluster === "n1"),
      { withinMs: 10_000 },
    );
    sim.runFor(400_000);
    for (const node of sim.nodes.slice(1)) assert.equal(node.members().length, 4);
    sound(sim);
  });
});

describe("clusters that must not meet", () => {
  it("with different labels share a network and seeds and stay apart", () => {
    const sim = simulate({
      seed: 60,
      nodes: 8,
      node: (index) => ({ label: index % 2 === 0 ? "blue" : "green" }),
      defaults: { seeds: [0, 1, 2, 3, 4, 5, 6, 7] },
    });
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    sim.set(0, "budget", "a", "blue");
    sim.runFor(400_000);
    for (const node of sim.nodes) assert.equal(node.live().length, 4);
    assert.equal(sim.get(2, "budget", "a"), "blue");
    assert.equal(sim.get(1, "budget", "a"), undefined);
    sound(sim);
  });

  it("with different keys stay apart; with the same keys they meet", () => {
    const key = (fill: number) => new Uint8Array(32).fill(fill);
    const sim = simulate({
      seed: 61,
      nodes: 6,
      node: (index) => ({ keys: [key(index < 3 ? 1 : 2)] }),
      defaults: { seeds: [0, 1, 2, 3, 4, 5] },
    });
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    sim.runFor(200_000);
    for (const node of sim.nodes) assert.equal(node.live().length, 3);
    sound(sim);
  });
});

describe("an oversize broadcast", () => {
  it("is refused with a reason and stops nothing", () => {
    const heard: string[] = [];
    const sim = started({
      seed: 70,
      nodes: 4,
      checkers: [() => ({
        invariants: [],
        membership(node, event) {
          if (event.type === "user") heard.push(`${node.nodeId} ${event.payload.length}`);
        },
      })],
    });
    const refused = sim.broadcast(0, new Uint8Array(100_000));
    assert.ok(!refused.ok && refused.code === "too-large");
    assert.ok(sim.broadcast(0, new Uint8Array(900)).ok);
    sim.runFor(5_000);
    assert.deepEqual([...new Set(heard)].sort(), ["n1 900", "n2 900", "n3 900"]);
    const text = "x".repeat(1_000_000);
    sim.set(0, "pricing", "large", text);
    sim.runUntil(
      () => sim.nodes.every(({ index }) => sim.get(index, "pricing", "large") === text),
      {
        withinMs: 10_000,
      },
    );
    sound(sim);
  });
});
