import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Broadcasts } from "../../../src/core/membership/broadcasts.ts";

/** A message whose first byte tells it apart. */
function bytes(mark: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out[0] = mark;
  return out;
}

/** The marks of one fetch. */
function take(queue: Broadcasts, room: number, overhead = 0, limit = 100): number[] {
  const out: Uint8Array[] = [];
  queue.take(room, overhead, limit, out);
  return out.map((message) => message[0] as number);
}

describe("the broadcast queue", () => {
  it("orders by transmissions, then longer, then newer (Go: TestLimitedBroadcastLess)", () => {
    const queue = new Broadcasts(100);
    queue.add(undefined, bytes(1, 10));
    assert.deepEqual(take(queue, 1000), [1]);
    queue.add(undefined, bytes(2, 10));
    queue.add(undefined, bytes(3, 10));
    queue.add(undefined, bytes(4, 20));
    assert.deepEqual(take(queue, 1000), [4, 3, 2, 1]);
  });

  it("keeps the order as transmissions grow (Go: TestTransmitLimited_ordering)", () => {
    const queue = new Broadcasts(100);
    for (let mark = 1; mark <= 5; mark++) queue.add(undefined, bytes(mark, 10));
    // Two fit: the newest; they sink below the others.
    assert.deepEqual(take(queue, 20), [5, 4]);
    assert.deepEqual(take(queue, 20), [3, 2]);
    assert.deepEqual(take(queue, 20), [1, 5]);
    assert.deepEqual(take(queue, 1000), [4, 3, 2, 1, 5]);
  });

  it("replaces an entry of the same name only (Go: TestTransmitLimited_Queue, TestMemberlistBroadcast_Invalidates)", () => {
    const queue = new Broadcasts(100);
    const finished: string[] = [];
    const watch = (name: string) => ({ sent: () => {}, finished: () => finished.push(name) });
    queue.add("test", bytes(1, 10), watch("test 1"));
    queue.add("foo", bytes(2, 10), watch("foo"));
    queue.add("test", bytes(3, 10), watch("test 2"));
    assert.equal(queue.size, 2);
    assert.deepEqual(finished, ["test 1"]);
    assert.deepEqual(take(queue, 1000), [3, 2]);
  });

  it("fits as many as the budget holds (Go: TestTransmitLimited_GetBroadcasts)", () => {
    const queue = new Broadcasts(100);
    for (let mark = 1; mark <= 4; mark++) queue.add(undefined, bytes(mark, 18));
    assert.equal(take(queue, 80, 2).length, 4);
    assert.equal(take(queue, 80, 3).length, 3);
  });

  it("sends each exactly as often as allowed (Go: TestTransmitLimited_GetBroadcasts_Limit)", () => {
    const queue = new Broadcasts(100);
    const sends = new Map<number, number>();
    for (let mark = 1; mark <= 4; mark++) queue.add(undefined, bytes(mark, 18));
    let rounds = 0;
    while (queue.size > 0) {
      rounds++;
      for (const mark of take(queue, 30, 3, 4)) sends.set(mark, (sends.get(mark) ?? 0) + 1);
    }
    assert.equal(rounds, 16);
    assert.deepEqual([...sends.values()], [4, 4, 4, 4]);
    assert.equal(queue.bytes, 0);
  });

  it("sends once where the limit is 0", () => {
    const queue = new Broadcasts(100);
    queue.add("a", bytes(1, 10));
    assert.deepEqual(take(queue, 100, 0, 0), [1]);
    assert.equal(queue.size, 0);
  });

  it("never loses an entry after it ran empty in the middle of a replacement (memberlist.md 4.5, the id defect)", () => {
    const queue = new Broadcasts(100);
    queue.add("a", bytes(1, 10));
    queue.add("a", bytes(2, 10));
    queue.add("b", bytes(3, 10));
    queue.add("c", bytes(4, 10));
    assert.deepEqual(take(queue, 1000), [4, 3, 2]);
  });

  it("keeps the newest when pruned and tells the dropped (Go: TestTransmitLimited_Prune)", () => {
    const queue = new Broadcasts(100);
    const dropped: number[] = [];
    for (let mark = 1; mark <= 4; mark++) {
      queue.add(undefined, bytes(mark, 10), { sent: () => {}, finished: () => dropped.push(mark) });
    }
    assert.equal(queue.prune(2), 2);
    assert.deepEqual(dropped, [1, 2]);
    assert.deepEqual(take(queue, 1000), [4, 3]);
  });

  it("holds no more than its capacity", () => {
    const queue = new Broadcasts(3);
    let overflow = 0;
    for (let mark = 1; mark <= 10; mark++) overflow += queue.add(undefined, bytes(mark, 10));
    assert.equal(queue.size, 3);
    assert.equal(overflow, 7);
    assert.deepEqual(take(queue, 1000), [10, 9, 8]);
  });

  it("stops at the given number of parts", () => {
    const queue = new Broadcasts(1000);
    for (let i = 0; i < 300; i++) queue.add(undefined, bytes(1, 2));
    const out: Uint8Array[] = [];
    queue.take(60_000, 2, 4, out, 255);
    assert.equal(out.length, 255);
  });

  it("reports every transmission to the watch", () => {
    const queue = new Broadcasts(10);
    const told: string[] = [];
    queue.add("a", bytes(1, 10), {
      sent: (transmits) => told.push(`sent ${transmits}`),
      finished: () => told.push("finished"),
    });
    take(queue, 100, 0, 2);
    take(queue, 100, 0, 2);
    assert.deepEqual(told, ["sent 1", "sent 2", "finished"]);
  });
});
