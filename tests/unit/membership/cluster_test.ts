import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TestNet } from "./harness.ts";

describe("a whole cluster", () => {
  it("forms by join and push/pull", () => {
    const net = new TestNet();
    const nodes = net.cluster(5);
    for (const node of nodes) assert.deepEqual(node.live(), ["n1", "n2", "n3", "n4", "n5"]);
    for (const node of nodes) assert.equal(node.machine.healthScore, 0);
  });

  it("detects a silent stop (Go: TestMemberlist_JoinShutdown)", () => {
    const net = new TestNet();
    const [first, , , , last] = net.cluster(5);
    assert.ok(first !== undefined && last !== undefined);
    net.kill(last);
    net.runUntil("n5 is dead", () => first.state("n5") === "dead", 40_000);
    const [gone] = first.events("gone");
    assert.equal(gone?.member.state, "dead");
    assert.ok(gone?.member.evidence !== undefined);
    net.run(60_000);
    assert.equal(first.state("n5"), undefined);
    assert.equal(first.events("reaped").length, 1);
  });
});
