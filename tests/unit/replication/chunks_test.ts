import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LARGE_BYTES, Reassembly, Transfer } from "../../../src/core/replication/chunks.ts";
import { Delivery } from "../../../src/core/replication/delivery.ts";
import { DirtyKeys } from "../../../src/core/replication/dirty.ts";
import type { StoredEntry } from "../../../src/core/replication/entry.ts";
import type { Chunk } from "../../../src/core/replication/frames.ts";
import { type Slot, Store } from "../../../src/core/replication/store.ts";
import { alone, encoded } from "./alone.ts";
import { EPOCH } from "./net.ts";
import { planted } from "./plant.ts";
import { largeInterleaves, readyCluster } from "./scenarios.ts";

const large = new Uint8Array(LARGE_BYTES + 1).fill(7);

function entry(type: string, key: string, size: number, wallMs = 1): StoredEntry {
  const version = { wallMs, logic: 0, origin: "a", boot: "b" };
  return { type, key, version, deleted: false, bytes: new Uint8Array(size) };
}

describe("a large value", () => {
  it("travels in pieces between the small ones, and anew after a cut", () => {
    largeInterleaves();
    const begin = Delivery.prototype.begin;
    const whole: Delivery["begin"] = function (this: Delivery, boot) {
      begin.call(this, boot, ["ack:v1"]);
    };
    planted(Delivery.prototype, "begin", whole, () => {
      assert.throws(() => largeInterleaves(), /a frame of \d+ bytes|small values came between/);
    });
  });

  it("goes whole to a peer that takes no pieces", () => {
    const net = readyCluster(["a", "b"], 1, { capabilities: ["ack:v1"] });
    net.write("a", { type: "team", key: "big", value: large });
    net.runUntil("it is there", () => net.converged(), 1_000);
    assert.equal(net.node("a").machine.counters.chunksSent, 0);
  });

  it("is part of the snapshot that makes a newcomer ready", () => {
    const net = readyCluster(["a", "b"]);
    for (const key of ["x", "y"]) net.write("a", { type: "team", key, value: large });
    for (let i = 0; i < 500; i++) net.set("a", "pricing", `p${i}`, "after it");
    net.runUntil("it is there", () => net.converged(), 1_000);
    const newcomer = net.start("n");
    net.runUntil("it has come", () => newcomer.machine.store.size > 0, 10_000);
    net.flap(1);
    net.runUntil("it is ready", () => newcomer.machine.synced, 20_000);
    assert.equal(newcomer.machine.view().entries, 502);
    assert.ok(newcomer.machine.counters.batchesReceived > 8);
  });

  it("that is deleted or written again on its way ends up right", () => {
    for (const what of ["delete", "write"] as const) {
      const net = readyCluster(["a", "b"], 1, { batchBytesMax: 4_096 });
      net.runFor(3_000);
      net.write("a", { type: "team", key: "big", value: large });
      net.runFor(20);
      if (what === "delete") net.delete("a", "team", "big");
      else net.write("a", { type: "team", key: "big", value: large.map(() => 9) });
      net.runUntil("the stores are equal", () => net.converged(), 5_000);
      assert.equal(net.node("b").machine.get("team", "big")?.deleted, what === "delete");
    }
  });

  it("leaves lanes their shares: pieces of all lanes alternate by weight", () => {
    const store = new Store(1_000);
    const dirty = new DirtyKeys();
    dirty.restart(10_000);
    for (const type of ["rbac", "pricing"]) {
      dirty.mark(store.offer(entry(type, "big", 90_000))?.slot as Slot);
    }
    const rows: number[] = [];
    let finished = 0;
    while (!dirty.isEmpty) {
      const portion = dirty.next(2_000);
      if (portion.chunk !== undefined) rows.push(portion.chunk.row);
      if (portion.finished !== undefined) finished++;
    }
    assert.equal(finished, 2);
    assert.ok(rows.lastIndexOf(0) < 55 && rows.indexOf(3) < 10, rows.join(""));
    assert.equal(dirty.bytes, 0);
  });

  it("counts once however often it is marked, and not at all once nothing waits", () => {
    const store = new Store(1_000);
    const dirty = new DirtyKeys();
    dirty.restart(10_000);
    const slot = store.offer(entry("team", "big", 20_000))?.slot as Slot;
    for (let i = 0; i < 5; i++) dirty.mark(slot);
    assert.deepEqual([dirty.size, dirty.sizeOf(2), dirty.bytes], [1, 1, 20_000]);
    dirty.next(2_000);
    dirty.mark(slot);
    assert.deepEqual([dirty.size, dirty.isEmpty], [0, false]);
    store.offer(entry("team", "big", 30_000, 2));
    dirty.mark(slot);
    assert.equal(dirty.size, 1);
    const wholes: number[] = [];
    while (!dirty.isEmpty) {
      const { finished } = dirty.next(2_000);
      if (finished !== undefined) wholes.push(finished.bytes.length);
    }
    assert.deepEqual(wholes, [20_000, 30_000]);
  });
});

describe("pieces from a peer", () => {
  const chunk = (more: Partial<Chunk>): Chunk => ({
    row: 0,
    offset: 0,
    total: 10,
    bytes: new Uint8Array(4),
    ...more,
  });

  it("are put together row by row, and begin anew at offset 0", () => {
    const reassembly = new Reassembly(100);
    const transfer = new Transfer(entry("t", "k", 10), 2);
    reassembly.add(chunk({}));
    reassembly.add(chunk({ offset: 4 }));
    reassembly.add(chunk({}));
    reassembly.add(transfer.next(7));
    assert.equal(reassembly.bytes, 11);
    assert.deepEqual(reassembly.add(transfer.next(7)), new Uint8Array(10));
    assert.equal(reassembly.add(chunk({ offset: 4 })), undefined);
    assert.deepEqual(
      reassembly.add(chunk({ offset: 8, bytes: new Uint8Array(2) })),
      new Uint8Array(10),
    );
    assert.equal(reassembly.bytes, 0);
  });

  it("out of bounds or out of order end the link", () => {
    const cases: [Partial<Chunk>, RegExp][] = [
      [{ row: 5 }, /out of bounds/],
      [{ total: 9_000 }, /out of bounds/],
      [{ bytes: new Uint8Array(0) }, /out of bounds/],
      [{ bytes: new Uint8Array(11) }, /out of bounds/],
      [{ offset: 4 }, /does not continue/],
    ];
    for (const [more, reason] of cases) {
      assert.match(String(new Reassembly(100).add(chunk(more))), reason);
      const { machine, greet, say } = alone({ valueBytesMax: 100 });
      greet();
      const value = { sequence: 1, entries: [], snapshotEnd: false, chunks: [chunk(more)] };
      const closed = say({ case: "batch", value }).find((effect) => effect.type === "close");
      assert.match(closed?.type === "close" ? closed.reason : "", reason);
      assert.equal(machine.counters.protocolErrors, 1);
    }
  });

  it("are acknowledged or refused as one entry by the batch that completes it", () => {
    const { machine, greet, say } = alone();
    greet();
    const bytes = encoded("k", EPOCH + 90_000);
    const pieces = [bytes.subarray(0, 9), bytes.subarray(9)].map((piece, i) =>
      chunk({ offset: 9 * i, total: bytes.length, bytes: piece })
    );
    const refusals = pieces.map((piece, i) => {
      const value = { sequence: i + 1, entries: [], snapshotEnd: false, chunks: [piece] };
      const ack = say({ case: "batch", value }).find((effect) => effect.type === "send");
      const { frame } = ack?.type === "send" ? ack.frame : assert.fail();
      return frame.case === "ack" ? frame.value.refused.map(({ reason }) => reason) : assert.fail();
    });
    assert.deepEqual(refusals, [[], ["future-stamp"]]);
    assert.equal(machine.store.size, 0);
  });
});
