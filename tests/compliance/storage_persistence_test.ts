/**
 * What couples the node with its storage: conflation, batching, waiting, failing, closing. On virtual time.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, type LogRecord, type Storage, type StoredRow } from "../../mod.ts";
import type { StoredEntry } from "../../src/core/replication/entry.ts";
import { Persistence } from "../../src/driver/persistence.ts";
import { ManualClock } from "../../src/testing/memory/manual_clock.ts";
import { memoryStorage } from "../../src/testing/memory_storage.ts";

/** A persistence on a memory storage that can be made to fail or to hang, and what it did. */
class Desk {
  readonly clock: ManualClock = new ManualClock();
  readonly records: LogRecord[] = [];
  /** Calls to the storage in order: `write a=1 b=2`, `remove c`, `meta t=5`. */
  readonly calls: string[] = [];
  readonly writes: (readonly StoredRow[])[] = [];
  readonly persistence: Persistence;
  readonly storage: Storage;
  /** Why every call fails; `undefined`: none does. */
  broken: string | undefined;
  /** Resolves what hangs; `undefined`: nothing does. */
  gate: Promise<void> | undefined;
  closed = 0;

  constructor(storage: Storage) {
    this.storage = storage;
    this.persistence = new Persistence({
      storage: this.#watched(storage),
      clock: this.clock,
      say: (level, message, fields) => this.records.push({ level, message, fields: fields ?? {} }),
    });
  }

  static async open(): Promise<Desk> {
    return new Desk(await memoryStorage().open());
  }

  change(key: string, value: number, isNew = false): void {
    this.persistence.changed(entry(key, value), isNew);
  }

  async stored(): Promise<string> {
    const found: string[] = [];
    for await (const { key, bytes } of this.storage.load()) found.push(`${key}=${bytes[0]}`);
    return found.sort().join(" ");
  }

  #watched(inner: Storage): Storage {
    const call = async (said: string, work: () => Promise<void>): Promise<void> => {
      this.calls.push(said);
      await this.gate;
      if (this.broken !== undefined) throw new ClusterError("refused", this.broken);
      await work();
    };
    return {
      load: () => inner.load(),
      getMeta: (name) => inner.getMeta(name),
      write: (rows) => {
        this.writes.push(rows);
        const said = rows.map(({ key, bytes }) => `${key}=${bytes[0]}`).join(" ");
        return call(`write ${said}`, () => inner.write(rows));
      },
      remove: (keys) =>
        call(`remove ${keys.map(({ key }) => key).join(" ")}`, () => inner.remove(keys)),
      setMeta: (name, bytes) => call(`meta ${name}=${bytes[0]}`, () => inner.setMeta(name, bytes)),
      close: () => {
        this.closed++;
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

function entry(key: string, value: number, length = 1): StoredEntry {
  const version = { wallMs: value, logic: 0, origin: "a", boot: "b" };
  return { type: "t", key, version, deleted: false, bytes: new Uint8Array(length).fill(value) };
}

/** Whether a promise is settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let is = false;
  promise.then(() => is = true, () => is = true);
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
  return is;
}

describe("persistence", () => {
  it("gathers changes for 20 ms and stores the newest of each key in one call", async () => {
    const desk = await Desk.open();
    desk.change("a", 1);
    desk.change("b", 1);
    await desk.clock.advance(19);
    desk.change("a", 2);
    assert.deepEqual(desk.calls, []);
    await desk.clock.advance(1);
    assert.deepEqual(desk.calls, ["write a=2 b=1"]);
    assert.equal(await desk.stored(), "a=2 b=1");
    await desk.clock.advance(1_000);
    assert.equal(desk.calls.length, 1, "a clean persistence calls nobody");
    assert.deepEqual(desk.persistence.view(), {
      dirty: 0,
      failing: undefined,
      flushes: 1,
      written: 2,
      removed: 0,
      failures: 0,
    });
  });

  it("flushes 256 rows at once, and a backlog in such portions", async () => {
    const desk = await Desk.open();
    for (let i = 0; i < 255; i++) desk.change(`k${i}`, 1);
    await desk.clock.advance(1);
    assert.equal(desk.writes.length, 0);
    for (let i = 255; i < 600; i++) desk.change(`k${i}`, 1);
    let between = 0;
    desk.clock.alarm(desk.clock.now(), () => between = desk.writes.length);
    await desk.clock.advance(0);
    assert.deepEqual(desk.writes.map((rows) => rows.length), [256, 256]);
    assert.equal(between, 1, "others get their turn between two flushes");
    await desk.clock.advance(20);
    assert.deepEqual(desk.writes.map((rows) => rows.length), [256, 256, 88]);
  });

  it("bounds the bytes of a flush, but lets a large row through", async () => {
    const desk = await Desk.open();
    for (const [key, length] of [["a", 400_000], ["b", 700_000], ["c", 3_000_000], ["d", 5]]) {
      desk.persistence.changed(entry(key as string, 1, length as number));
    }
    const stored = desk.persistence.flushed();
    while (!await settled(stored)) await desk.clock.advance(20);
    assert.deepEqual(desk.writes.map((rows) => rows.length), [1, 1, 1, 1]);
    assert.equal(await desk.stored(), "a=1 b=1 c=1 d=1");
  });

  it("has one flush under way, and conflates what changes meanwhile", async () => {
    const desk = await Desk.open();
    let open: () => void = () => {};
    desk.gate = new Promise((resolve) => open = resolve);
    desk.change("a", 1);
    await desk.clock.advance(20);
    for (let value = 2; value < 100; value++) desk.change("a", value);
    await desk.clock.advance(5_000);
    assert.deepEqual(desk.calls, ["write a=1"]);
    assert.equal(desk.persistence.view().dirty, 2);
    desk.gate = undefined;
    open();
    await desk.clock.advance(20);
    assert.deepEqual(desk.calls, ["write a=1", "write a=99"]);
  });

  it("removes, and forgets what came and went between two flushes", async () => {
    const desk = await Desk.open();
    desk.change("old", 1);
    await desk.clock.advance(20);
    desk.persistence.removed("t", "old");
    desk.change("brief", 1, true);
    desk.change("brief", 2);
    const stored = desk.persistence.flushed();
    desk.persistence.removed("t", "brief");
    desk.change("known", 1);
    desk.persistence.removed("t", "known");
    await desk.clock.advance(20);
    assert.deepEqual(desk.calls, ["write old=1", "remove old known"]);
    assert.equal(await desk.stored(), "");
    assert.ok(await settled(stored));
  });

  it("removes a new row after all when it is under way already", async () => {
    const desk = await Desk.open();
    let open: () => void = () => {};
    desk.gate = new Promise((resolve) => open = resolve);
    desk.change("a", 1, true);
    await desk.clock.advance(20);
    desk.persistence.removed("t", "a");
    desk.gate = undefined;
    open();
    await desk.clock.advance(20);
    assert.deepEqual(desk.calls, ["write a=1", "remove a"]);
    assert.equal(await desk.stored(), "");
  });

  it("holds no more keys than node and storage, however long the storage fails", async () => {
    const desk = await Desk.open();
    desk.broken = "no space";
    for (let i = 0; i < 10_000; i++) {
      desk.change(`churn${i}`, 1, true);
      desk.persistence.removed("t", `churn${i}`);
      if (i % 100 === 0) await desk.clock.advance(30);
    }
    assert.ok(desk.persistence.view().dirty <= 256, `${desk.persistence.view().dirty} are dirty`);
  });

  it("stores a named value after the rows that were dirty before it", async () => {
    const desk = await Desk.open();
    desk.persistence.setMeta("table", new Uint8Array([1]));
    const early = desk.persistence.flushed();
    for (let i = 0; i < 300; i++) desk.change(`k${i}`, 1);
    desk.persistence.setMeta("table", new Uint8Array([2]));
    const stored = desk.persistence.flushed();
    await desk.clock.advance(0);
    assert.equal(desk.calls.length, 1);
    assert.ok(!await settled(early), "the named value is not stored yet");
    await desk.clock.advance(20);
    assert.ok(await settled(early));
    assert.deepEqual(desk.calls.map((call) => call.slice(0, 12)), [
      "write k0=1 k",
      "write k256=1",
      "meta table=2",
    ]);
    assert.ok(await settled(stored));
    assert.deepEqual(await desk.persistence.loadMeta("table"), new Uint8Array([2]));
  });

  it("gives back at start what was stored", async () => {
    const place = memoryStorage();
    const before = new Desk(await place.open());
    before.change("a", 7);
    before.change("b", 8);
    assert.equal(await finish(before, before.persistence.close()), true);
    place.kill();
    const after = new Desk(await place.open());
    const found: number[] = [];
    for await (const { bytes } of after.persistence.load()) found.push(bytes[0] as number);
    assert.deepEqual(found.sort(), [7, 8]);
  });
});

describe("waiting for persistence", () => {
  it("is over at once when nothing is dirty", async () => {
    const desk = await Desk.open();
    await desk.persistence.flushed();
  });

  it("is over when what was told before is stored, whatever came since", async () => {
    const desk = await Desk.open();
    let open: () => void = () => {};
    desk.change("a", 1);
    const first = desk.persistence.flushed();
    assert.equal(desk.persistence.flushed(), first, "those who wait for the same share a promise");
    await desk.clock.advance(20);
    assert.ok(await settled(first));

    desk.gate = new Promise((resolve) => open = resolve);
    desk.change("a", 2);
    const second = desk.persistence.flushed();
    await desk.clock.advance(20);
    desk.change("a", 3);
    desk.change("b", 3);
    const third = desk.persistence.flushed();
    assert.ok(!await settled(second), "its flush hangs");
    open();
    assert.ok(await settled(second));
    assert.ok(!await settled(third), "its rows are still dirty");
    await desk.clock.advance(20);
    assert.ok(await settled(third));
    assert.equal(await desk.stored(), "a=3 b=3");
  });

  it("waits for the newest value of a key that was dirty already", async () => {
    const desk = await Desk.open();
    desk.broken = "no space";
    desk.change("a", 1);
    await desk.clock.advance(20);
    desk.change("a", 2);
    const stored = desk.persistence.flushed();
    desk.broken = undefined;
    await desk.clock.advance(100);
    assert.equal(await desk.stored(), "a=1");
    assert.ok(!await settled(stored));
    await desk.clock.advance(20);
    assert.equal(await desk.stored(), "a=2");
    assert.ok(await settled(stored));
  });
});

describe("a storage that fails", () => {
  it("is tried again with growing pauses, in order, and told of once a minute", async () => {
    const desk = await Desk.open();
    desk.broken = "database or disk is full";
    desk.change("a", 1);
    await desk.clock.advance(20);
    desk.change("a", 2);
    await desk.clock.advance(59_000);
    const { failures, failing, dirty } = desk.persistence.view();
    assert.equal(failing, "database or disk is full");
    assert.equal(dirty, 2);
    // 0.1 s, 0.2 s, ... 6.4 s, then every 10 s.
    assert.equal(failures, 12);
    assert.deepEqual(desk.records, [{
      level: "error",
      message: "storage takes no writes",
      fields: { reason: "database or disk is full", dirty: 1, failures: 1 },
    }]);
    await desk.clock.advance(20_000);
    assert.equal(desk.records.length, 2, "told again after a minute");
    desk.broken = undefined;
    await desk.clock.advance(10_020);
    assert.equal(await desk.stored(), "a=2");
    assert.equal(desk.records.at(-1)?.message, "storage takes writes again");
    assert.equal(desk.persistence.view().failing, undefined);
  });
});

describe("closing persistence", () => {
  it("stores everything first", async () => {
    const desk = await Desk.open();
    for (let i = 0; i < 1_000; i++) desk.change(`k${i}`, 1);
    const stored = desk.persistence.flushed();
    assert.equal(await finish(desk, desk.persistence.close()), true);
    assert.ok(await settled(stored));
    assert.equal((await desk.stored()).split(" ").length, 1_000);
    assert.equal(desk.closed, 1);
    assert.equal(await desk.persistence.close(), true);
    assert.equal(desk.closed, 1);
    desk.change("late", 1);
    await desk.clock.advance(1_000);
    assert.equal((await desk.stored()).includes("late"), false);
  });

  it("tries a failing storage until its time is over, and tells what is lost", async () => {
    const desk = await Desk.open();
    desk.broken = "no space";
    desk.change("a", 1);
    const stored = desk.persistence.flushed();
    await desk.clock.advance(10_000);
    const closing = desk.persistence.close(2_000);
    await desk.clock.advance(1_900);
    assert.ok(!await settled(closing));
    assert.equal(await finish(desk, closing), false);
    await assert.rejects(stored, (error) => ClusterError.is(error, "closed"));
    assert.deepEqual(desk.records.at(-1), {
      level: "error",
      message: "closed before everything was stored",
      fields: { dirty: 1, reason: "no space" },
    });
    assert.equal(desk.closed, 1);
  });

  it("saves what it can when the storage comes back meanwhile", async () => {
    const desk = await Desk.open();
    desk.broken = "no space";
    desk.change("a", 1);
    await desk.clock.advance(10_000);
    const closing = desk.persistence.close(2_000);
    await desk.clock.advance(500);
    desk.broken = undefined;
    assert.equal(await finish(desk, closing), true);
    assert.equal(await desk.stored(), "a=1");
  });

  it("does not wait for a storage that hangs", async () => {
    const desk = await Desk.open();
    desk.gate = new Promise(() => {});
    desk.change("a", 1);
    await desk.clock.advance(20);
    assert.equal(await finish(desk, desk.persistence.close(2_000)), false);
  });
});

/** Lets up to ten virtual seconds pass until `promise` is settled. */
async function finish<T>(desk: Desk, promise: Promise<T>): Promise<T> {
  for (let ms = 0; ms < 10_000 && !await settled(promise); ms += 50) await desk.clock.advance(50);
  assert.ok(await settled(promise), "it did not come to an end");
  return promise;
}
