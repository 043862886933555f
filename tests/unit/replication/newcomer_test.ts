import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Newcomer } from "../../../src/core/replication/newcomer.ts";
import { SnapshotCursor } from "../../../src/core/replication/snapshot.ts";
import { Store } from "../../../src/core/replication/store.ts";
import { entryCodec } from "../../../src/driver/entry_codec.ts";
import { alone, encoded } from "./alone.ts";
import { EPOCH, type Net } from "./net.ts";
import { planted } from "./plant.ts";
import { readyCluster } from "./scenarios.ts";

/** Three nodes with 2,000 keys; small batches, so that a snapshot takes a while. */
function filled(): Net {
  const net = readyCluster(["a", "b", "c"], 1, { batchBytesMax: 4_096, windowBatches: 2 });
  for (let i = 0; i < 2_000; i++) {
    const type = ["team", "pricing", "api_key"][i % 3] as string;
    net.write("a", { type, key: `k${i}`, value: new Uint8Array(100) });
  }
  net.runUntil("all is there", () => net.converged(), 30_000);
  return net;
}

/** The source dies in the middle; another one goes on. Answers the entries that came in all. */
function resumesElsewhere(): void {
  const net = filled();
  const newcomer = net.start("n");
  const held = () => newcomer.machine.store.size;
  net.runUntil("most of it is there", () => held() > 1_500, 20_000);
  const { sync } = newcomer.machine.view();
  assert.equal(sync?.total, 2_000);
  assert.ok(sync.entries >= 1_500 && sync.from !== undefined);
  assert.match(
    newcomer.machine.view().notReadyBecause ?? "",
    /^the first sync is not done: 1\d{3} of 2000 entries from [abc]$/,
  );
  net.crash(sync.from);
  net.runUntil("it is ready", () => newcomer.machine.synced, 30_000);
  assert.equal(held(), 2_000);
  assert.equal(newcomer.machine.view().sync, undefined);
  const { applied, stale } = newcomer.machine.counters;
  assert.ok(applied + stale < 2_300, `${applied + stale} entries came for 2000`);
}

/** The source lacks a key that a third node has: the newcomer is not ready without it. */
function comparesWithSecond(): void {
  const net = filled();
  net.runFor(3_000);
  const newcomer = net.start("n");
  net.runUntil("it has a source", () => newcomer.machine.view().sync?.from !== undefined, 20_000);
  const source = newcomer.machine.view().sync?.from;
  const entry = entryCodec.head(encoded("only here", EPOCH + net.now)) ?? assert.fail();
  for (const name of ["a", "b", "c"]) {
    if (name !== source) net.node(name).machine.store.offer(entry);
  }
  net.runUntil("it is ready", () => newcomer.machine.synced, 30_000);
  const has = newcomer.machine.get("team", "only here") !== undefined;
  assert.ok(has, "ready without what the second peer has");
}

describe("a newcomer whose source dies", () => {
  it("goes on at another peer where it was", () => {
    resumesElsewhere();
    const place = Object.getOwnPropertyDescriptor(
      Newcomer.prototype,
      "place",
    ) as PropertyDescriptor;
    Object.defineProperty(Newcomer.prototype, "place", { ...place, get: () => undefined });
    try {
      assert.throws(() => resumesElsewhere(), /entries came for 2000/);
    } finally {
      Object.defineProperty(Newcomer.prototype, "place", place);
    }
  });
});

describe("a newcomer with its snapshot", () => {
  it("is ready once it equals a second peer", () => {
    comparesWithSecond();
    const gullible: Newcomer["compared"] = function (this: Newcomer, peer, _differs, now) {
      compared.call(this, peer, false, now);
    };
    const compared = Newcomer.prototype.compared;
    planted(Newcomer.prototype, "compared", gullible, () => {
      assert.throws(() => comparesWithSecond(), /ready without/);
    });
  });

  it("does not wait for ever for a second peer that never comes out equal, or that dies", () => {
    const net = filled();
    const never: Newcomer["compared"] = () => {};
    planted(Newcomer.prototype, "compared", never, () => {
      const newcomer = net.start("n");
      net.runUntil("it compares", () => {
        return newcomer.machine.view().sync?.comparingWith !== undefined;
      }, 20_000);
      net.crash(newcomer.machine.view().sync?.comparingWith as string);
      net.runUntil("it is ready all the same", () => newcomer.machine.synced, 15_000);
    });
  });
});

describe("the walk through a snapshot", () => {
  it("goes on from any of its places with exactly the rest, on another store with the same keys", () => {
    const [left, right] = [new Store(1_000), new Store(1_000)];
    const entries = Array.from({ length: 1_500 }, (_, i) => ({
      type: ["pricing", "team", "rbac"][i % 3] as string,
      key: `k${i}`,
      version: { wallMs: 1, logic: 0, origin: "a", boot: "b" },
      deleted: i % 10 === 0,
      bytes: new Uint8Array(20),
    }));
    for (const entry of entries) left.offer(entry);
    for (const entry of entries.reverse()) right.offer(entry);
    const first = new SnapshotCursor(left);
    const seen = new Set<string>();
    for (let round = 0; round < 60; round++) {
      for (const { key } of first.take(200)) seen.add(key);
      const rest = new SnapshotCursor(right, first.place);
      const keys = new Set(seen);
      let repeated = 0;
      while (!rest.done) {
        for (const { key } of rest.take(1_000)) {
          if (keys.has(key)) repeated++;
          keys.add(key);
        }
      }
      assert.equal(keys.size, 1_500);
      assert.ok(repeated <= 64, `${repeated} repeated`);
    }
  });

  it("takes a place from nowhere for the beginning", () => {
    const { machine, say } = alone();
    const value = { nodeId: "p", bootId: "9", capabilities: [], wantSnapshot: true, wallMs: 0 };
    say({ case: "hello", value: { ...value, resume: { lane: 9, hash: 0 } } });
    assert.equal(machine.view().inboundLinks, 1);
  });
});
