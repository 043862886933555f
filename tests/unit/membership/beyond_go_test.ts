import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  aliveOf,
  deadOf,
  eventsOf,
  packetsOf,
  started,
  suspectOf,
  TestNet,
  type TestNode,
} from "./harness.ts";

const QUIET = { gossipIntervalMs: 0, pushPullIntervalMs: 0, probeIntervalMs: 0 } as const;
const AT = { addr: Uint8Array.of(10, 0, 1, 1) };

describe("incarnations", () => {
  it("saturate instead of wrapping to 0 (memberlist.md 8.3, 5)", () => {
    const node = started({ ...QUIET, incarnation: 0xffff_fffe });
    node.hear(suspectOf("a", "x", 0xffff_fffe), 0);
    assert.equal(node.machine.self.incarnation, 0xffff_ffff);
    node.hear(suspectOf("a", "x", 0xffff_ffff), 1);
    assert.equal(node.machine.self.incarnation, 0xffff_ffff);
    assert.equal(node.state("a"), "alive");
  });

  it("near the end are not believed of an accuser", () => {
    const node = started(QUIET);
    node.hear(aliveOf("m", AT), 0);
    for (const name of ["a", "m"]) {
      node.hear(suspectOf(name, "x", 0xffff_ffff), 1);
      node.hear(deadOf(name, "x", 0xffff_ffff), 1);
      assert.equal(node.state(name), "alive");
      assert.equal(node.machine.member(name)?.incarnation, 1);
    }
    assert.equal(node.machine.counters.incarnationsRefused, 4);
  });

  it("rise by evidence about the suspect and the dead, so that older news can't revive them (memberlist.md 8.3, 6)", () => {
    for (const dead of [false, true]) {
      const node = started(QUIET);
      node.hear(aliveOf("m", AT), 0);
      node.hear(dead ? deadOf("m", "x") : suspectOf("m", "x"), 1);
      node.hear(suspectOf("m", "y", 5), 2);
      assert.equal(node.machine.member("m")?.incarnation, 5);
      node.hear(aliveOf("m", { ...AT, incarnation: 3 }), 3);
      assert.equal(node.state("m"), dead ? "dead" : "suspect");
      node.hear(aliveOf("m", { ...AT, incarnation: 6 }), 4);
      assert.equal(node.state("m"), "alive");
    }
  });
});

describe("refutations", () => {
  it("are queued under our name, in place of older news about us (memberlist.md 8.3, 11)", () => {
    const node = started(QUIET);
    for (let i = 1; i <= 5; i++) node.hear(suspectOf("a", "x", i), i);
    assert.equal(node.machine.queued.members, 1);
    assert.equal(node.machine.self.incarnation, 6);
  });

  it("go straight back to whoever brought the accusation", () => {
    const node = started(QUIET);
    const [packet] = packetsOf(node.hear(deadOf("a", "x", 4), 0, "10.7.7.7:7946"));
    assert.equal(packet?.to, "10.7.7.7:7946");
    const [alive] = packet?.messages ?? [];
    assert.ok(alive?.type === "alive" && alive.incarnation === 5);
  });
});

describe("the stale", () => {
  it("are told what is said of them (memberlist.md 8.4, 2)", () => {
    for (const [accuse, type] of [[suspectOf, "suspect"], [deadOf, "dead"]] as const) {
      const node = started(QUIET);
      node.hear(aliveOf("m", { ...AT, incarnation: 100 }), 0);
      node.hear(accuse("m", "x", 100), 1);
      const [told] = packetsOf(node.hear(aliveOf("m", AT), 2));
      assert.equal(told?.to, "10.0.1.1:7946");
      assert.deepEqual(told?.messages, [{ type, node: "m", incarnation: 100, from: "a" }]);
      assert.deepEqual(packetsOf(node.hear(aliveOf("m", AT), 3)), []);
      assert.equal(packetsOf(node.hear(aliveOf("m", AT), 1003)).length, 1);
    }
  });

  it("come back at once after a mass restart at incarnation 1", () => {
    const net = new TestNet();
    const nodes = net.cluster(3, { incarnation: 100 });
    const [a, b] = nodes as [TestNode, TestNode, TestNode];
    net.kill(nodes[2] as TestNode);
    net.runUntil("n3 is dead", () => a.state("n3") === "dead" && b.state("n3") === "dead", 60_000);
    const again = net.add({ name: "n3", address: "10.0.0.3:7946" });
    // No join: the restarted node is only heard of through gossip.
    a.hear(aliveOf("n3", { addr: Uint8Array.of(10, 0, 0, 3) }), net.now);
    const told = packetsOf(a.effects).findLast((p) => p.to === "10.0.0.3:7946");
    assert.ok(told !== undefined);
    net.give(again, { type: "packet", from: a.address, bytes: told.bytes });
    net.run(1000);
    assert.equal(again.machine.self.incarnation, 101);
    assert.equal(a.state("n3"), "alive");
  });
});

describe("tombstones", () => {
  it("keep full sync from reviving the gone, and a member that is back is believed (memberlist.md 8.4, 3)", () => {
    const node = started({
      gossipIntervalMs: 0,
      pushPullIntervalMs: 0,
      disableTcpPings: true,
    });
    node.hear(aliveOf("m", { ...AT, incarnation: 5 }), 0);
    node.hear(deadOf("m", "x", 5), 1);
    node.run(60_000);
    assert.equal(node.state("m"), undefined);
    assert.equal(node.events("reaped")[0]?.address, "10.0.1.1:7946");
    const out = node.hear(aliveOf("m", { ...AT, incarnation: 5 }), 60_001);
    assert.equal(node.state("m"), undefined);
    assert.equal(node.machine.counters.tombstoned, 1);
    const [told] = packetsOf(out);
    assert.deepEqual(told?.messages, [{ type: "dead", node: "m", incarnation: 5, from: "a" }]);
    node.hear(aliveOf("m", { ...AT, incarnation: 6 }), 60_002);
    assert.equal(node.state("m"), "alive");
  });
});

describe("evidence", () => {
  it("says who accused, who agreed, how ill we were and how long the member was silent", () => {
    const node = started(QUIET);
    for (let i = 1; i <= 4; i++) {
      node.hear(aliveOf(`m${i}`, { addr: Uint8Array.of(10, 0, 1, i) }), 0);
    }
    node.hear(suspectOf("a", "x"), 0);
    node.hear(suspectOf("m1", "m2"), 100);
    const before = node.machine.member("m1")?.evidence;
    node.hear(suspectOf("m1", "m3"), 200);
    const after = node.machine.member("m1")?.evidence;
    assert.equal(before?.accuser, "m2");
    assert.deepEqual(before?.confirmations, []);
    assert.equal(before?.localHealth, 1);
    assert.equal(before?.sinceMs, 100);
    assert.equal(before?.lastAckAgoMs, undefined);
    assert.deepEqual(after?.confirmations, ["m3"]);
    assert.ok((after?.deadlineMs ?? 0) <= (before?.deadlineMs ?? 0));
    node.hear(deadOf("m1", "m2"), 300);
    assert.deepEqual(node.machine.member("m1")?.evidence?.confirmations, ["m3"]);
  });
});

describe("conflicts", () => {
  it("of our own name are told, not refuted", () => {
    const node = started(QUIET);
    const out = node.hear(aliveOf("a", { addr: Uint8Array.of(10, 9, 9, 9), incarnation: 9 }), 0);
    assert.equal(eventsOf(out, "conflict")[0]?.otherAddress, "10.9.9.9:7946");
    assert.equal(node.machine.self.incarnation, 1);
  });

  it("in masses are counted, and told at a limited rate", () => {
    const node = started(QUIET);
    const out = [];
    for (let i = 1; i <= 100; i++) {
      out.push(...node.hear(aliveOf("a", { addr: Uint8Array.of(10, 9, 9, i) }), 0));
    }
    assert.equal(node.machine.counters.conflicts, 100);
    assert.equal(eventsOf(out, "conflict").length, 20);
  });
});

describe("thousands of members", () => {
  it("are known without work that grows with their number per packet", () => {
    const node = started({ ...QUIET });
    for (let i = 0; i < 3000; i++) {
      node.hear(aliveOf(`m${i}`, { addr: Uint8Array.of(10, 1, i >> 8, i & 255) }), 0);
    }
    assert.equal(node.machine.memberCount, 3001);
    assert.equal(node.machine.queued.members, 3001);
    const [first] = node.machine.members();
    assert.equal(node.machine.members()[0], first);
    assert.equal(node.machine.members()[5]?.vsn, node.machine.members()[6]?.vsn);
  });
});
