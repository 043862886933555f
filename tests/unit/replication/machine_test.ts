import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { Net } from "./net.ts";

const QUICK = { joinTimeoutMs: 2_000 };

function ready(net: Net): boolean {
  return [...net.nodes.values()].every((node) => !node.up || node.machine.synced);
}

/** Three nodes, in touch and ready. */
function cluster(names: string[], seed = 1, config = {}): Net {
  const net = new Net(names, { seed, config: { ...QUICK, ...config } });
  net.runUntil("all are ready", () => ready(net), 20_000);
  return net;
}

describe("replication of a cluster", () => {
  it("carries a write to every node", () => {
    const net = cluster(["a", "b", "c"]);
    net.set("a", "virtual_key", "k1", "one");
    net.runFor(100);
    assert.equal(net.text("b", "virtual_key", "k1"), "one");
    assert.equal(net.text("c", "virtual_key", "k1"), "one");
    assert.ok(net.converged());
  });

  it("makes a lone node ready after the join time", () => {
    const net = new Net(["a"], { config: QUICK });
    net.runFor(1_999);
    assert.equal(net.node("a").machine.synced, false);
    net.runFor(2);
    assert.equal(net.node("a").machine.synced, true);
    assert.deepEqual(net.node("a").events.at(-1), { type: "ready", how: "alone" });
  });

  it("lets the smallest id go first and gives the others its snapshot", () => {
    const net = new Net(["b", "a", "c"], { config: QUICK });
    net.set("b", "team", "early", "written before anybody was ready");
    net.runUntil("all are ready", () => ready(net), 10_000);
    const hows = ["a", "b", "c"].map((name) =>
      net.node(name).events.flatMap((event) => event.type === "ready" ? [event.how] : [])
    );
    assert.deepEqual(hows, [["first"], ["snapshot"], ["snapshot"]]);
    net.runUntil("the early write is everywhere", () => net.converged(), 5_000);
    assert.equal(net.text("a", "team", "early"), "written before anybody was ready");
  });

  it("brings both sides of a partition together, newest first, deletes included", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const net = cluster(["a", "b", "c", "d"], seed);
      for (let i = 0; i < 200; i++) net.set("a", "team", `k${i}`, "before");
      net.runFor(500);
      net.cut(["a", "b"], ["c", "d"]);
      net.runFor(5_000);
      for (let i = 0; i < 100; i++) net.set("a", "team", `k${i}`, "left");
      net.runFor(100);
      for (let i = 50; i < 150; i++) net.set("d", "team", `k${i}`, "right");
      for (let i = 150; i < 170; i++) net.delete("c", "team", `k${i}`);
      for (let i = 0; i < 50; i++) net.set("b", "customer", `c${i}`, "new");
      net.runFor(600_000);
      net.heal();
      net.runUntil("the stores are equal", () => net.converged(), 10_000);
      assert.equal(net.text("c", "team", "k10"), "left");
      assert.equal(net.text("a", "team", "k60"), "right");
      assert.equal(net.text("b", "team", "k155"), undefined);
      assert.equal(net.text("d", "customer", "c7"), "new");
    }
  });

  it("loses nothing to links that break under traffic", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const net = cluster(["a", "b", "c"], seed);
      const dice = new Rng(seed);
      for (let round = 0; round < 40; round++) {
        for (let i = 0; i < 50; i++) {
          const name = ["a", "b", "c"][dice.below(3)] as string;
          if (dice.chance(0.1)) net.delete(name, "provider", `p${dice.below(300)}`);
          else net.set(name, "provider", `p${dice.below(300)}`, `${round}/${i}`);
        }
        if (round % 4 === 0) net.flap(50);
        net.runFor(dice.between(1, 100));
      }
      net.runUntil("the stores are equal", () => net.converged(), 30_000);
    }
  });

  it("finds through the others what a dead writer told only one of them", () => {
    const net = cluster(["a", "b", "c"]);
    net.cut(["a"], ["c"]);
    net.runFor(3_000);
    net.set("a", "rbac", "last", "words");
    net.runFor(500);
    net.crash("a");
    net.heal();
    net.runUntil("c has it", () => net.text("c", "rbac", "last") === "words", 10_000);
  });

  it("keeps deletes deleted when a node that missed them returns", () => {
    const net = cluster(["a", "b", "c"]);
    for (let i = 0; i < 100; i++) net.set("a", "api_key", `k${i}`, "live");
    net.runFor(500);
    net.cut(["a", "b"], ["c"]);
    net.runFor(2_000);
    for (let i = 0; i < 100; i++) net.delete("b", "api_key", `k${i}`);
    net.runFor(20 * 3_600_000);
    net.heal();
    net.runUntil("the stores are equal", () => net.converged(), 10_000);
    for (const name of ["a", "b", "c"]) {
      for (let i = 0; i < 100; i++) assert.equal(net.text(name, "api_key", `k${i}`), undefined);
    }
    assert.equal(net.node("c").machine.view().tombstones, 100);
    net.runFor(5 * 3_600_000);
    for (const name of ["a", "b", "c"]) {
      const view = net.node(name).machine.view();
      assert.deepEqual([view.entries, view.tombstones], [0, 0]);
    }
  });

  it("replays a run from its seed, event by event", () => {
    const run = (seed: number) => {
      const net = cluster(["a", "b", "c"], seed);
      for (let i = 0; i < 100; i++) {
        net.set(["a", "b", "c"][i % 3] as string, "team", `k${i % 20}`, `${i}`);
      }
      net.flap(20);
      net.runFor(1_000);
      net.crash("b");
      net.runFor(3_000);
      net.start("b");
      net.runFor(60_000);
      return net.trace;
    };
    const first = run(7);
    assert.ok(first.length > 150);
    assert.deepEqual(run(7), first);
    assert.notDeepEqual(run(8), first);
  });
});
