import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareVersions, isTooFarAhead, LOGIC_MAX, nextStamp } from "../../../src/core/hlc.ts";
import { ClusterClock } from "../../../src/core/replication/cluster_clock.ts";
import { SeenEvents } from "../../../src/core/replication/dedup.ts";
import { DirtyKeys } from "../../../src/core/replication/dirty.ts";
import { EXPIRED_GRACE_MS, type StoredEntry } from "../../../src/core/replication/entry.ts";
import { BUILT_IN_TYPES, laneOf } from "../../../src/core/replication/lanes.ts";
import { SnapshotCursor } from "../../../src/core/replication/snapshot.ts";
import { type Slot, Store } from "../../../src/core/replication/store.ts";
import {
  decodeVersion,
  encodeVersion,
  isPlausibleVersion,
} from "../../../src/core/replication/versions.ts";
import { resolveReplication } from "../../../src/core/replication/config.ts";
import { Rng } from "../../../src/core/rng.ts";

function entry(
  type: string,
  key: string,
  wallMs: number,
  more: { size?: number; deleted?: boolean; origin?: string; logic?: number } = {},
): StoredEntry {
  const { size = 10, deleted = false, origin = "a", logic = 0 } = more;
  const version = { wallMs, logic, origin, boot: "b" };
  return { type, key, version, deleted, bytes: new Uint8Array(size) };
}

function slot(store: Store, given: StoredEntry): Slot {
  return store.offer(given)?.slot as Slot;
}

const keysOf = (entries: readonly StoredEntry[]) => entries.map(({ key }) => key);

describe("stamps", () => {
  it("are now, or one step above what is replaced, with carry", () => {
    assert.deepEqual(nextStamp(100.9, undefined), { wallMs: 100, logic: 0 });
    assert.deepEqual(nextStamp(100, { wallMs: 99, logic: 9 }), { wallMs: 100, logic: 0 });
    assert.deepEqual(nextStamp(100, { wallMs: 100, logic: 9 }), { wallMs: 100, logic: 10 });
    assert.deepEqual(nextStamp(100, { wallMs: 300, logic: 0 }), { wallMs: 300, logic: 1 });
    assert.deepEqual(nextStamp(1, { wallMs: 300, logic: LOGIC_MAX }), { wallMs: 301, logic: 0 });
  });

  it("compare by time, logic, origin, boot, in that order", () => {
    const base = { wallMs: 5, logic: 5, origin: "m", boot: "m" };
    const rising = [
      { ...base, wallMs: 4, logic: 9, origin: "z", boot: "z" },
      { ...base, logic: 4, origin: "z", boot: "z" },
      { ...base, origin: "l", boot: "z" },
      { ...base, boot: "l" },
      base,
      { ...base, boot: "n" },
    ];
    rising.forEach((a, i) =>
      rising.forEach((b, j) => assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j)))
    );
  });

  it("are too far ahead only beyond the bound", () => {
    assert.equal(isTooFarAhead({ wallMs: 160, logic: 0 }, 100, 60), false);
    assert.equal(isTooFarAhead({ wallMs: 161, logic: 0 }, 100, 60), true);
  });

  it("survive their encoding, and no other bytes pass for one", () => {
    const versions = [
      { wallMs: 0xffff_ffff_ffff, logic: 0xffff, origin: "é🔑", boot: "" },
      { wallMs: 1_760_000_000_123, logic: 258, origin: "a".repeat(255), boot: "b".repeat(255) },
    ];
    for (const version of versions) {
      const bytes = encodeVersion(version);
      assert.deepEqual(decodeVersion(bytes), version);
      assert.ok(isPlausibleVersion(version));
      for (let cut = 0; cut < bytes.length; cut++) {
        assert.equal(decodeVersion(bytes.subarray(0, cut)), undefined);
      }
      assert.equal(decodeVersion(new Uint8Array([...bytes, 0])), undefined);
    }
    const odd = { wallMs: 1, logic: 0, origin: "a", boot: "" };
    for (const wallMs of [-1, 1.5, NaN, Infinity, 2 ** 48]) {
      assert.equal(isPlausibleVersion({ ...odd, wallMs }), false);
    }
    assert.equal(isPlausibleVersion({ ...odd, logic: 65_536 }), false);
    assert.equal(isPlausibleVersion({ ...odd, origin: "" }), false);
    assert.equal(isPlausibleVersion({ ...odd, boot: "x".repeat(256) }), false);
  });
});

describe("cluster time", () => {
  it("is our clock, corrected by the median of the peers' offsets and our own 0", () => {
    const clock = new ClusterClock();
    clock.setWall(1_000_000, 100);
    assert.equal(clock.time(150), 1_000_050);
    clock.observe("b", 100, 120, 1_000_010 + 50_000);
    assert.equal(clock.correctionMs, 25_000);
    clock.observe("c", 100, 120, 1_000_010 + 60_000);
    assert.equal(clock.correctionMs, 50_000);
    assert.equal(clock.monotonic(clock.time(777)), 777);
    clock.forget("b");
    clock.forget("c");
    assert.equal(clock.correctionMs, 0);
  });

  it("trusts the sample with the shortest round trip, and one outlier moves nothing", () => {
    const clock = new ClusterClock();
    clock.setWall(0, 0);
    clock.observe("b", 0, 400, 900);
    clock.observe("b", 2_000, 2_010, 2_005);
    clock.observe("b", 4_000, 4_800, 9_999);
    clock.observe("c", 0, 2, 1);
    clock.observe("mad", 0, 2, 86_400_000);
    assert.equal(clock.correctionMs, 0);
  });

  it("follows its own clock being set, keeping what it knows of the others", () => {
    const clock = new ClusterClock();
    clock.setWall(1_000, 0);
    clock.observe("b", 0, 0, 1_000);
    clock.observe("c", 0, 0, 1_000);
    clock.setWall(601_000, 0);
    assert.equal(clock.time(0), 1_000);
    assert.equal(clock.correctionMs, -600_000);
  });
});

describe("the store", () => {
  it("takes what is newer by version, whatever the order of arrival", () => {
    const store = new Store(1_000);
    assert.ok(store.offer(entry("t", "k", 5)));
    assert.equal(store.offer(entry("t", "k", 5)), undefined);
    assert.equal(store.offer(entry("t", "k", 4, { logic: 9, origin: "z" })), undefined);
    assert.ok(store.offer(entry("t", "k", 5, { origin: "b" })));
    assert.ok(store.offer(entry("t", "k", 5, { origin: "b", logic: 1 })));
    assert.equal(store.find("t", "k")?.entry.version.logic, 1);
  });

  it("keeps bytes of its own, not the frame they came in", () => {
    const store = new Store(1_000);
    const frame = new Uint8Array(65_536).fill(7);
    store.offer({ ...entry("t", "k", 1), bytes: frame.subarray(100, 120) });
    const { bytes } = store.find("t", "k")?.entry as StoredEntry;
    assert.deepEqual([bytes.length, bytes.buffer.byteLength, bytes[0]], [20, 20, 7]);
  });

  it("forgets tombstones at their horizon, and nothing else", () => {
    const store = new Store(1_000);
    store.offer(entry("t", "live", 1));
    store.offer(entry("t", "gone", 1));
    store.offer(entry("t", "gone", 10, { deleted: true }));
    store.offer(entry("t", "back", 20, { deleted: true }));
    store.offer(entry("t", "back", 30));
    assert.equal(store.nextExpiry(), 1_010);
    assert.equal(store.purge(1_009, 99), 0);
    assert.equal(store.purge(99_999, 99), 1);
    assert.deepEqual([...store.slots("t")].map(({ entry }) => entry.key), ["live", "back"]);
    assert.equal(store.nextExpiry(), undefined);
    assert.equal(store.tree.root.count, 2);
  });
});

describe("a value that expires", () => {
  const lapsing = (key: string, wallMs: number, expiresMs: number): StoredEntry => ({
    ...entry("kv_store", key, wallMs),
    expiresMs,
  });

  it("leaves the digest when it expires and the store after the grace", () => {
    const store = new Store(1_000);
    store.offer(lapsing("k", 5, 100));
    assert.equal(store.nextExpiry(), 100);
    assert.deepEqual(store.expire(99, 9), []);
    assert.deepEqual(keysOf(store.expire(100, 9)), ["k"]);
    assert.deepEqual([store.size, store.tombstones, store.tree.root.count], [1, 0, 0]);
    assert.equal(store.nextExpiry(), 100 + EXPIRED_GRACE_MS);
    assert.equal(store.purge(99 + EXPIRED_GRACE_MS, 9), 0);
    assert.equal(store.purge(100 + EXPIRED_GRACE_MS, 9), 1);
    assert.deepEqual([store.size, store.bytes, store.nextExpiry()], [0, 0, undefined]);
  });

  it("still stands against what is older, and gives way to what is newer", () => {
    const store = new Store(1_000);
    store.offer(lapsing("k", 5, 100));
    store.expire(100, 9);
    assert.equal(store.offer(entry("kv_store", "k", 4)), undefined);
    const change = store.offer(entry("kv_store", "k", 6));
    assert.deepEqual([change?.old, change?.slot.expired], [undefined, false]);
    assert.deepEqual([store.tree.root.count, store.nextExpiry()], [1, undefined]);
    const other = new Store(1_000);
    other.offer(entry("kv_store", "k", 6));
    assert.deepEqual(store.tree.root, other.tree.root);
    assert.deepEqual([store.expire(9_999, 9), store.purge(99_999_999, 9)], [[], 0]);
  });

  it("can be set again with another time, or deleted", () => {
    const store = new Store(1_000);
    store.offer(lapsing("longer", 5, 100));
    store.offer(lapsing("longer", 6, 200));
    store.offer(lapsing("gone", 5, 100));
    store.offer(entry("kv_store", "gone", 6, { deleted: true }));
    assert.deepEqual(store.expire(199, 9), []);
    assert.deepEqual([store.tombstones, store.nextExpiry()], [1, 200]);
    assert.deepEqual(keysOf(store.expire(200, 9)), ["longer"]);
  });
});

describe("the digest tree", () => {
  it("depends on keys and versions only, not on the way there", () => {
    const dice = new Rng(3);
    const left = new Store(1_000);
    const right = new Store(1_000);
    for (let i = 0; i < 3_000; i++) {
      const given = entry("t", `k${dice.below(1_000)}`, dice.below(100), {
        deleted: dice.chance(0.2),
      });
      left.offer(given);
    }
    left.purge(1_050, 10_000);
    for (const { entry } of dice.shuffle([...left.slots("t")])) right.offer(entry);
    assert.deepEqual(left.tree.root, right.tree.root);
    for (const digits of [[3], [15, 15], [0, 1, 2], [7, 7, 7, 7]]) {
      assert.deepEqual(left.tree.sum(digits), right.tree.sum(digits));
      const below = [...left.tree.below(digits)];
      assert.equal(below.length, left.tree.sum(digits).count);
    }
    right.offer(entry("t", "k1", 1_000));
    assert.notDeepEqual(left.tree.root, right.tree.root);
  });

  it("is empty again when everything went", () => {
    const store = new Store(10);
    for (let i = 0; i < 2_000; i++) store.offer(entry("t", `k${i}`, 1, { deleted: true }));
    while (store.size > 0) {
      store.purge(100, 7);
      assert.equal(store.tree.root.count, store.size);
      assert.equal([...store.tree.below([])].length, store.size);
    }
    assert.deepEqual(store.tree.root, { hashHigh: 0, hashLow: 0, count: 0 });
  });

  it("spreads keys evenly: no part of a sixteenth is far off", () => {
    const store = new Store(10);
    for (let i = 0; i < 16_000; i++) store.offer(entry("virtual_key", `vk-${i}`, 1));
    for (let digit = 0; digit < 16; digit++) {
      const { count } = store.tree.sum([digit]);
      assert.ok(count > 850 && count < 1_150, `${digit}: ${count}`);
    }
  });
});

describe("dirty keys", () => {
  it("hold one place per key and hand out its newest value", () => {
    const store = new Store(1_000);
    const dirty = new DirtyKeys();
    for (let i = 1; i <= 100; i++) {
      const { slot } = store.offer(entry("team", "k", i)) as { slot: Slot };
      dirty.mark(slot);
    }
    assert.equal(dirty.size, 1);
    assert.equal(dirty.take(1_000)[0]?.version.wallMs, 100);
    assert.deepEqual([dirty.size, dirty.bytes, dirty.take(1_000)], [0, 0, []]);
  });

  it("let the first lane overtake a full last one within one batch", () => {
    const store = new Store(1_000);
    const dirty = new DirtyKeys();
    for (let i = 0; i < 1_000; i++) {
      dirty.mark(slot(store, entry("pricing", `p${i}`, 1, { size: 500 })));
    }
    dirty.take(10_000);
    dirty.mark(slot(store, entry("api_key", "revoked", 1)));
    assert.equal(dirty.take(10_000)[0]?.key, "revoked");
  });

  it("move a deleted key to the first lane", () => {
    const store = new Store(1_000);
    const dirty = new DirtyKeys();
    for (let i = 0; i < 100; i++) {
      dirty.mark(slot(store, entry("pricing", `p${i}`, 1, { size: 100 })));
    }
    dirty.mark(slot(store, entry("pricing", "p50", 2, { deleted: true })));
    assert.deepEqual([dirty.sizeOf(0), dirty.sizeOf(3)], [1, 99]);
    assert.equal(dirty.take(1_000)[0]?.key, "p50");
    dirty.mark(slot(store, entry("pricing", "p60", 2, { deleted: true })));
    dirty.mark(slot(store, entry("pricing", "p60", 3)));
    assert.equal(dirty.sizeOf(0), 1);
    assert.equal(keysOf(dirty.take(1_000_000)).filter((key) => key === "p60").length, 1);
  });

  it("starve no lane: full ones share by weight, large entries wait their turn and get it", () => {
    const store = new Store(1_000);
    const dirty = new DirtyKeys();
    let written = 0;
    const refill = () => {
      for (const type of ["rbac", "team"]) {
        while (dirty.sizeOf(type === "rbac" ? 0 : 2) < 200) {
          dirty.mark(slot(store, entry(type, `k${written++}`, 1, { size: 100 })));
        }
      }
    };
    for (let i = 0; i < 40; i++) {
      dirty.mark(slot(store, entry("pricing", `p${i}`, 1, { size: i % 10 === 9 ? 25_000 : 900 })));
    }
    const seen = { rbac: 0, team: 0, pricing: 0 };
    let batches = 0;
    let largeInARow = 0;
    while (dirty.sizeOf(3) > 0) {
      refill();
      const batch = dirty.take(10_000);
      const bytes = batch.reduce((sum, { bytes }) => sum + bytes.length, 0);
      assert.ok(bytes <= 10_000 || batch.length === 1);
      largeInARow = batch[0]?.type === "rbac" ? 0 : largeInARow + 1;
      assert.ok(largeInARow <= 1, "the first lane waited for two batches");
      for (const { type } of batch) seen[type as keyof typeof seen]++;
      assert.ok(++batches < 500, "the bulk lane starved");
    }
    assert.equal(seen.pricing, 40);
    assert.ok(seen.rbac > 2 * seen.team && seen.team > 0);
  });

  it("send an entry larger than any batch alone, also when nothing else is left", () => {
    const store = new Store(1_000);
    const dirty = new DirtyKeys();
    for (const key of ["x", "y"]) dirty.mark(slot(store, entry("team", key, 1, { size: 99_999 })));
    dirty.mark(slot(store, entry("team", "small", 1)));
    const batches = [dirty.take(1_000), dirty.take(1_000), dirty.take(1_000)].map(keysOf);
    assert.deepEqual(batches, [["x"], ["y"], ["small"]]);
  });

  it("skip keys that were purged meanwhile", () => {
    const store = new Store(10);
    const dirty = new DirtyKeys();
    dirty.mark(slot(store, entry("team", "gone", 1, { deleted: true })));
    dirty.mark(slot(store, entry("rbac", "kept", 1)));
    store.purge(1_000, 9);
    assert.deepEqual(keysOf(dirty.take(1_000)), ["kept"]);
    assert.equal(dirty.size, 0);
  });
});

describe("a snapshot", () => {
  it("hands out every key once in lane order, at its newest value, while writes go on", () => {
    const store = new Store(1_000);
    for (let i = 0; i < 300; i++) {
      store.offer(entry("pricing", `p${i}`, 1));
      store.offer(entry("team", `t${i}`, 1, { deleted: i % 100 === 0 }));
      store.offer(entry("api_key", `a${i}`, 1));
    }
    const cursor = new SnapshotCursor(store);
    const taken: StoredEntry[] = [];
    for (let round = 0; !cursor.done; round++) {
      taken.push(...cursor.take(100));
      store.offer(entry("pricing", `p${299 - round}`, 2));
      store.offer(entry("team", `new${round}`, 1));
    }
    const lanes = taken.map(({ type, deleted }) => deleted ? 0 : laneOf(type));
    assert.deepEqual(lanes, [...lanes].sort());
    assert.equal(new Set(taken.map(({ type, key }) => `${type}/${key}`)).size, taken.length);
    for (const { key, version } of taken) {
      if (key === "p290") assert.equal(version.wallMs, 2);
    }
    assert.equal(taken.filter(({ key }) => !key.startsWith("new")).length, 900);
  });

  it("hands out again what was lost, and is done at once when there is nothing", () => {
    const store = new Store(1_000);
    assert.deepEqual(new SnapshotCursor(store).take(10), []);
    for (let i = 0; i < 10; i++) store.offer(entry("team", `t${i}`, 1));
    const cursor = new SnapshotCursor(store);
    const lost = cursor.take(30);
    cursor.take(1_000);
    assert.ok(cursor.done);
    cursor.redo(lost);
    assert.equal(cursor.done, false);
    assert.deepEqual(keysOf(cursor.take(1_000)).sort(), keysOf(lost).sort());
    assert.equal(cursor.done && cursor.sent, 10);
  });
});

describe("the table of seen events", () => {
  it("tells an event once within its time", () => {
    const seen = new SeenEvents({ ttlMs: 100 });
    const id = { origin: "a", boot: "b", sequence: 1 };
    assert.equal(seen.first(id, 0), true);
    assert.equal(seen.first(id, 99), false);
    assert.equal(seen.first({ ...id, boot: "c" }, 99), true);
    assert.equal(seen.first(id, 100), true);
  });

  it("is bounded by entries and by bytes, oldest out first, and counts them", () => {
    const few = new SeenEvents({ entriesMax: 3 });
    for (let sequence = 0; sequence < 10; sequence++) {
      few.first({ origin: "a", boot: "b", sequence }, sequence);
    }
    assert.deepEqual([few.size, few.evicted], [3, 7]);
    assert.equal(few.first({ origin: "a", boot: "b", sequence: 9 }, 10), false);
    assert.equal(few.first({ origin: "a", boot: "b", sequence: 0 }, 10), true);
    const small = new SeenEvents({ bytesMax: 1_000 });
    for (let sequence = 0; sequence < 100; sequence++) {
      small.first({ origin: "x".repeat(100), boot: "b", sequence }, 0);
    }
    assert.equal(small.size, 4);
  });
});

describe("the built-in types", () => {
  it("are thirty, and the sensitive ones go first", () => {
    assert.equal(new Set(BUILT_IN_TYPES).size, 30);
    assert.deepEqual(["auth_config", "rbac", "api_key", "virtual_key"].map((t) => laneOf(t)), [
      0,
      0,
      0,
      0,
    ]);
    assert.deepEqual(["model_catalog", "pricing", "load_balancing_log"].map((t) => laneOf(t)), [
      3,
      3,
      3,
    ]);
    assert.deepEqual([laneOf("team"), laneOf("mine")], [2, 2]);
    assert.deepEqual([
      laneOf("mine", new Map([["mine", 3]])),
      laneOf("rbac", new Map([["rbac", 3]])),
    ], [3, 0]);
  });
});

describe("the configuration", () => {
  it("says what cannot work", () => {
    const identity = { nodeId: "a", bootId: "b" };
    assert.equal(resolveReplication(identity).tombstoneHorizonMs, 86_400_000);
    assert.throws(() => resolveReplication({ ...identity, nodeId: "" }), /nodeId must be text/);
    assert.throws(
      () => resolveReplication({ ...identity, windowBatches: 0 }),
      /windowBatches must be >= 1/,
    );
    assert.throws(
      () => resolveReplication({ ...identity, backoffMaxMs: 1 }),
      /backoffMaxMs must be >= 200/,
    );
    assert.throws(() => resolveReplication({ ...identity, tombstoneHorizonMs: 1_000 }), RangeError);
  });
});
