import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Net } from "./net.ts";
import { deletesStay, linksFlap, partitionHeals, readyCluster, traceOf } from "./scenarios.ts";

const QUICK = { joinTimeoutMs: 2_000 };

function ready(net: Net): boolean {
  return [...net.nodes.values()].every((node) => !node.up || node.machine.synced);
}

describe("replication of a cluster", () => {
  it("carries a write to every node", () => {
    const net = readyCluster(["a", "b", "c"]);
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
    for (let seed = 1; seed <= 5; seed++) partitionHeals(seed);
  });

  it("loses nothing to links that break under traffic", () => {
    for (let seed = 1; seed <= 5; seed++) linksFlap(seed);
  });

  it("finds through the others what a dead writer told only one of them", () => {
    const net = readyCluster(["a", "b", "c"]);
    net.cut(["a"], ["c"]);
    net.runFor(3_000);
    net.set("a", "rbac", "last", "words");
    net.runFor(500);
    net.crash("a");
    net.heal();
    net.runUntil("c has it", () => net.text("c", "rbac", "last") === "words", 10_000);
  });

  it("keeps deletes deleted when a node that missed them returns within the horizon", () => {
    deletesStay(20);
  });

  it("replays a run from its seed, event by event", () => {
    const first = traceOf(7);
    assert.ok(first.length > 150);
    assert.deepEqual(traceOf(7), first);
    assert.notDeepEqual(traceOf(8), first);
  });
});
