import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ReplicationEffect } from "../../../src/core/replication/contract.ts";
import { alone, encoded } from "./alone.ts";
import { EPOCH, Net } from "./net.ts";
import {
  awayForLong,
  deletesStay,
  expiresQuietly,
  HOUR,
  linksFlap,
  partitionHeals,
  readyCluster,
  traceOf,
} from "./scenarios.ts";

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

  it("keeps deletes deleted when a node returns after everybody has forgotten them", () => {
    deletesStay(20, HOUR);
  });

  it("keeps deletes deleted and writes written when halves of the cluster were apart for hours", () => {
    for (let seed = 1; seed <= 3; seed++) awayForLong(seed);
  });

  it("lets values expire everywhere, once and for good", () => expiresQuietly());

  it("lets a value that expired meanwhile replace what a returning node still holds", () => {
    for (const awayMs of [20_000, 70_000]) {
      const net = readyCluster(["a", "b", "c"]);
      net.set("a", "kv_store", "k", "old, and for good");
      net.runFor(500);
      net.cut(["a", "b"], ["c"]);
      net.runFor(2_000);
      const expiresMs = net.wall(net.node("a")) + 30_000;
      net.write("a", { type: "kv_store", key: "k", value: new Uint8Array(1), expiresMs });
      net.runFor(awayMs);
      assert.equal(net.text("c", "kv_store", "k"), "old, and for good");
      net.heal();
      net.runUntil(
        "c has heard of it",
        () => net.text("c", "kv_store", "k") !== "old, and for good",
        10_000,
      );
      net.runFor(150_000);
      for (const { machine } of net.nodes.values()) assert.equal(machine.store.size, 0);
    }
  });

  it("takes no notice of what expired long ago", () => {
    const { machine, greet, deliver } = alone();
    greet();
    deliver(1, encoded("long ago", EPOCH - 1, { expiresMs: EPOCH - 60_000 }));
    deliver(2, encoded("just now", EPOCH - 1, { expiresMs: EPOCH - 1 }));
    assert.deepEqual([machine.store.size, machine.counters.expiredOnArrival], [1, 1]);
    assert.equal(machine.get("team", "just now"), undefined);
  });

  it("shows an expired value to nobody, however late the tick", () => {
    const { machine } = alone();
    const writes = [{ type: "t", key: "k", value: new Uint8Array(1), expiresMs: EPOCH + 50 }];
    machine.handle({ type: "command", command: { type: "write", op: 1, writes } }, 10, []);
    assert.equal(machine.get("t", "k", 49)?.key, "k");
    assert.equal([...machine.list("t", 49)].length, 1);
    assert.equal(machine.get("t", "k", 50), undefined);
    assert.equal([...machine.list("t", 50)].length, 0);
    const out: ReplicationEffect[] = [];
    machine.handle({ type: "tick" }, 500, out);
    assert.equal(machine.get("t", "k"), undefined);
    assert.deepEqual(out.map((effect) => effect.type === "event" && effect.event.type), [
      "expired",
    ]);
  });

  it("refuses an expiry that is none", () => {
    const { machine } = alone();
    for (const [value, expiresMs] of [[new Uint8Array(1), NaN], [undefined, 5]] as const) {
      const out: ReplicationEffect[] = [];
      const writes = [{ type: "t", key: "k", value, expiresMs }];
      machine.handle({ type: "command", command: { type: "write", op: 1, writes } }, 1, out);
      assert.ok(out[0]?.type === "settled" && !out[0].result.ok);
      assert.match(out[0].result.message, /expiresMs must be a positive number/);
    }
  });

  it("replays a run from its seed, event by event", () => {
    const first = traceOf(7);
    assert.ok(first.length > 150);
    assert.deepEqual(traceOf(7), first);
    assert.notDeepEqual(traceOf(8), first);
  });
});
