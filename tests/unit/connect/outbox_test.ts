import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "../../../mod.ts";
import { Outbox } from "../../../adapters/connect/outbox.ts";

const gone = new ClusterError("closed", "Cannot send: gone");

async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(() => done = true, () => done = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return done;
}

describe("Outbox", () => {
  it("takes a few ahead, then makes push wait until the reader asks", async () => {
    const outbox = new Outbox<number>();
    for (let i = 0; i < 4; i++) await outbox.push(i);
    const fifth = outbox.push(4);
    assert.equal(await settled(fifth), false);
    const reader = outbox[Symbol.asyncIterator]();
    assert.deepEqual(await reader.next(), { done: false, value: 0 });
    assert.equal(await settled(fifth), true);
    for (let i = 1; i < 5; i++) assert.equal((await reader.next()).value, i);
  });

  it("hands over to a reader that waits", async () => {
    const outbox = new Outbox<string>();
    const next = outbox[Symbol.asyncIterator]().next();
    await outbox.push("a");
    assert.equal((await next).value, "a");
  });

  it("lets the reader have what was accepted when it ends, and rejects what waited", async () => {
    const outbox = new Outbox<number>();
    for (let i = 0; i < 4; i++) await outbox.push(i);
    const waiting = outbox.push(4);
    outbox.end(gone);
    await assert.rejects(waiting, gone);
    await assert.rejects(outbox.push(5), gone);
    const read: number[] = [];
    for await (const value of outbox) read.push(value);
    assert.deepEqual(read, [0, 1, 2, 3]);
  });

  it("drops everything when it breaks or the reader leaves", async () => {
    const outbox = new Outbox<number>();
    await outbox.push(1);
    outbox.break(gone);
    assert.equal((await outbox[Symbol.asyncIterator]().next()).done, true);
    const left = new Outbox<number>();
    await left[Symbol.asyncIterator]().throw?.(new Error("write failed")).catch(() => {});
    await assert.rejects(left.push(1), (error) => ClusterError.is(error, "closed"));
  });

  it("bounds how many may wait", async () => {
    const outbox = new Outbox<number>();
    const pushed = Array.from({ length: 260 }, (_, i) => outbox.push(i));
    await assert.rejects(outbox.push(260), RangeError);
    outbox.end(gone);
    const results = await Promise.allSettled(pushed);
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 4);
  });
});
