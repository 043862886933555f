/**
 * What clusters of replication machines must live through; run as tests, and again with planted bugs that they must
 * notice.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ReplicationOptions } from "../../../src/core/replication/config.ts";
import { EXPIRED_GRACE_MS } from "../../../src/core/replication/entry.ts";
import { entryCodec } from "../../../src/driver/entry_codec.ts";
import { Rng } from "../../../src/core/rng.ts";
import { Net } from "./net.ts";

/** Nodes in touch and ready. */
export function readyCluster(
  names: readonly string[],
  seed = 1,
  config: Partial<ReplicationOptions> = {},
): Net {
  const net = new Net(names, { seed, config: { joinTimeoutMs: 2_000, ...config } });
  const all = [...net.nodes.values()];
  net.runUntil("all are ready", () => all.every((node) => node.machine.synced), 20_000);
  return net;
}

/** Both sides of a partition write; after it the newest of each key is everywhere. */
export function partitionHeals(seed: number): void {
  const net = readyCluster(["a", "b", "c", "d"], seed);
  for (let i = 0; i < 200; i++) net.set("a", "team", `k${i}`, "before");
  net.runFor(500);
  net.cut(["a", "b"], ["c", "d"]);
  net.runFor(5_000);
  for (let i = 0; i < 100; i++) net.set("a", "team", `k${i}`, "left");
  net.runFor(100);
  for (let i = 50; i < 150; i++) net.set("d", "team", `k${i}`, "right");
  for (let i = 150; i < 170; i++) net.delete("c", "team", `k${i}`);
  for (let i = 0; i < 50; i++) net.set("b", "customer", `c${i}`, "new");
  net.runFor(600_000);
  net.heal();
  net.runUntil("the stores are equal", () => net.converged(), 10_000);
  assert.equal(net.text("c", "team", "k10"), "left");
  assert.equal(net.text("a", "team", "k60"), "right");
  assert.equal(net.text("b", "team", "k155"), undefined);
  assert.equal(net.text("d", "customer", "c7"), "new");
}

/** Links break under traffic from all sides; every key ends at the version its last write got. */
export function linksFlap(seed: number): void {
  const net = readyCluster(["a", "b", "c"], seed);
  const dice = new Rng(seed);
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 50; i++) {
      const name = ["a", "b", "c"][dice.below(3)] as string;
      if (dice.chance(0.1)) net.delete(name, "provider", `p${dice.below(300)}`);
      else net.set(name, "provider", `p${dice.below(300)}`, `${round}/${i}`);
    }
    if (round % 4 === 0) net.flap(50);
    net.runFor(dice.between(1, 100));
  }
  net.runUntil("the stores are equal", () => net.converged(), 30_000);
  // Every key holds the newest version that any event ever told of.
  const newest: Map<string, string> = new Map();
  for (const node of net.nodes.values()) {
    for (const event of node.events) {
      if (event.type !== "changed") continue;
      const { key, version } = event.entry;
      const stamp = `${version.wallMs} ${`${version.logic}`.padStart(6, "0")} ${version.origin}`;
      if (stamp > (newest.get(key) ?? "")) newest.set(key, stamp);
    }
  }
  for (const [key, stamp] of newest) {
    const version = net.node("b").machine.get("provider", key)?.version;
    assert.equal(
      `${version?.wallMs} ${`${version?.logic}`.padStart(6, "0")} ${version?.origin}`,
      stamp,
    );
  }
}

/** A node misses deletes for `hours` and returns: what was deleted stays so, and is forgotten in time. */
export function deletesStay(hours: number, config: Partial<ReplicationOptions> = {}): void {
  const net = readyCluster(["a", "b", "c"], 1, config);
  for (let i = 0; i < 100; i++) net.set("a", "api_key", `k${i}`, "live");
  net.runFor(500);
  net.cut(["a", "b"], ["c"]);
  net.runFor(2_000);
  for (let i = 0; i < 100; i++) net.delete("b", "api_key", `k${i}`);
  net.runFor(hours * 3_600_000);
  net.heal();
  net.runUntil("the stores are equal", () => net.converged(), 10_000);
  for (const name of ["a", "b", "c"]) {
    for (let i = 0; i < 100; i++) assert.equal(net.text(name, "api_key", `k${i}`), undefined);
  }
  net.runFor(25 * 3_600_000);
  for (const name of ["a", "b", "c"]) {
    const view = net.node(name).machine.view();
    assert.deepEqual([view.entries, view.tombstones], [0, 0]);
  }
}

/** The shortest horizon of these tests: partitions outlast it. */
export const HOUR = { tombstoneHorizonMs: 3_600_000 } as const;

/**
 * Nodes are away for longer than deletes are remembered; meanwhile the others delete, lose the node that wrote, and
 * take in a newcomer who then has to know. What was deleted stays so, and what was written on either side is kept.
 */
export function awayForLong(seed: number): void {
  const net = readyCluster(["a", "b", "c", "d"], seed, HOUR);
  for (let i = 0; i < 100; i++) {
    net.set(["a", "b", "c", "d"][i % 4] as string, "api_key", `k${i}`, "from the start");
  }
  net.runFor(2_000);
  net.cut(["a", "b"], ["c", "d"]);
  net.runFor(2_000);
  for (let i = 0; i < 50; i++) net.delete("b", "api_key", `k${i}`);
  net.set("c", "api_key", "k7", "written again while away, after its delete");
  for (let i = 0; i < 10; i++) net.set("c", "team", `away${i}`, "x");
  for (let i = 0; i < 10; i++) net.set("a", "team", `here${i}`, "x");
  net.runFor(5_000);
  net.start("n");
  net.cut(["n"], ["c", "d"]);
  net.runUntil("the newcomer is ready", () => net.node("n").machine.synced, 20_000);
  net.runFor(70_000);
  net.crash("a");
  net.runFor(4 * 3_600_000);
  net.crash("b");
  net.runFor(60_000);
  // Only the newcomer, who has never seen the deleted keys, is left to know.
  assert.equal(net.node("n").machine.view().tombstones, 0);
  net.heal();
  net.runUntil("the stores are equal", () => net.converged(), 120_000);
  for (const name of ["c", "d", "n"]) {
    const text = (type: string, key: string) => net.text(name, type, key);
    for (let i = 0; i < 100; i++) {
      if (i === 7) assert.notEqual(text("api_key", "k7"), undefined, `k7 is lost on ${name}`);
      else if (i < 50) {
        assert.equal(text("api_key", `k${i}`), undefined, `k${i} is back on ${name}`);
      } else assert.equal(text("api_key", `k${i}`), "from the start", `k${i} is lost on ${name}`);
    }
    for (let i = 0; i < 10; i++) {
      for (const side of ["away", "here"]) {
        assert.equal(text("team", `${side}${i}`), "x", `${side}${i} is lost on ${name}`);
      }
    }
  }
}

/** Values expire everywhere, once, although one clock is seconds ahead; nobody brings them back to anybody. */
export function expiresQuietly(): void {
  const net = readyCluster(["a", "b"], 1, { digestIntervalMs: 200 });
  net.set("a", "team", "stays", "for good");
  const expiresMs = net.wall(net.node("a")) + 10_000;
  for (let i = 0; i < 50; i++) {
    net.write("a", { type: "kv_store", key: `k${i}`, value: new Uint8Array(9), expiresMs });
  }
  net.runFor(5_000);
  const b = net.node("b");
  // Their cluster times differ by half of it: each is the median of two clocks.
  b.skewMs += 4_000;
  net.input(b, { type: "wall", wallMs: net.wall(b) });
  assert.equal(net.text("b", "kv_store", "k7")?.length, 9);
  net.runFor(4_000);
  assert.equal(net.text("b", "kv_store", "k7"), undefined);
  assert.equal(net.text("a", "kv_store", "k7")?.length, 9);
  net.runFor(2_000);
  assert.equal(net.text("a", "kv_store", "k7"), undefined);
  assert.equal(net.node("a").machine.store.size, 51);
  net.runFor(EXPIRED_GRACE_MS);
  for (const { machine, events } of net.nodes.values()) {
    assert.equal(machine.store.size, 1);
    assert.equal(events.filter(({ type }) => type === "expired").length, 50);
    assert.equal(machine.counters.expiredOnArrival, 0, "the forgotten is offered again");
  }
  assert.ok(net.node("a").machine.counters.digestsStarted > 100);
}

/** A snapshot whose link breaks goes on where it was. */
export function snapshotResumes(): void {
  const net = readyCluster(["a", "b"], 1, { batchBytesMax: 2_048, windowBatches: 2 });
  for (let i = 0; i < 1_000; i++) {
    net.write("a", { type: "team", key: `k${i}`, value: new Uint8Array(200) });
  }
  net.runUntil("all is there", () => net.converged(), 30_000);
  net.crash("b");
  net.runFor(2_000);
  const before = net.node("a").machine.counters.entriesSent;
  const newcomer = net.start("b");
  const held = () => newcomer.machine.view().entries;
  net.runUntil("the snapshot is under way", () => held() > 300, 10_000);
  net.flap(1);
  net.runUntil("it is ready", () => newcomer.machine.synced, 20_000);
  assert.equal(held(), 1_000);
  const sent = net.node("a").machine.counters.entriesSent - before;
  assert.ok(sent < 1_100, `${sent} entries for 1,000`);
}

/** A revocation passes a full bulk lane within one batch: answers the batches that went between. */
export function overtakes(): void {
  const net = readyCluster(["a", "b"], 1, { batchBytesMax: 16_384 });
  net.runFor(3_000);
  for (let i = 0; i < 2_000; i++) {
    net.write("a", { type: "pricing", key: `bulk${i}`, value: new Uint8Array(1_000) });
  }
  net.runFor(6);
  const { counters } = net.node("a").machine;
  const out = counters.batchesSent;
  net.set("a", "api_key", "leaked", "revoked");
  while (net.node("b").machine.get("api_key", "leaked") === undefined) {
    net.runFor(1);
    const { dirty } = net.node("a").machine.view().links[0] ?? assert.fail();
    assert.ok(dirty > 100, `the revocation waits for the bulk: ${dirty} left`);
  }
  assert.ok(counters.batchesSent - out < 20);
  net.runUntil("the bulk is through", () => net.converged(), 20_000);
}

/** A message passes a full lane of state, and a flood of messages does not stop the state. */
export function messagesPass(): void {
  const net = readyCluster(["a", "b"], 1, { batchBytesMax: 16_384, windowBatches: 1_000 });
  net.runFor(3_000);
  for (let i = 0; i < 2_000; i++) {
    net.write("a", { type: "team", key: `k${i}`, value: new Uint8Array(1_000) });
  }
  net.runFor(6);
  net.message("a", "b", "c", "quick");
  const { events } = net.node("b");
  while (!events.some(({ type }) => type === "message")) {
    net.runFor(1);
    const { dirty } = net.node("a").machine.view().links[0] ?? assert.fail();
    assert.ok(dirty > 100, `the message waits for the state: ${dirty} keys left`);
  }
  net.runUntil("the state is through", () => net.converged(), 20_000);
  const flood = "x".repeat(8_000);
  for (let i = 0; i < 120 && net.text("b", "rbac", "r") === undefined; i++) {
    for (let j = 0; j < 40; j++) net.message("a", "b", "c", flood);
    if (i === 10) net.set("a", "rbac", "r", "revoked");
    net.runFor(1);
  }
  assert.equal(net.text("b", "rbac", "r"), "revoked", "the state waits for messages");
}

/** A large value travels in pieces: the small ones of its lane go on between them, and a cut begins it anew. */
export function largeInterleaves(): void {
  const net = readyCluster(["a", "b"]);
  net.runFor(3_000);
  let longest = 0;
  net.tap = (_from, _to, bytes) => longest = Math.max(longest, bytes.length);
  const big = Uint8Array.from({ length: 3_000_000 }, (_, i) => i);
  const held = () => net.node("b").machine.get("team", "big")?.bytes.length ?? 0;
  net.write("a", { type: "team", key: "big", value: big });
  net.write("a", { type: "pricing", key: "big too", value: big });
  let between = 0;
  for (let i = 0; held() === 0; i++) {
    assert.ok(i < 2_000, "the large value does not come");
    net.set("a", "team", `small${i}`, "x");
    net.runFor(2);
    if (net.text("b", "team", `small${i - 20}`) !== undefined) between++;
    if (i === 30) net.flap(1);
  }
  assert.ok(between > 20, `${between} small values came between`);
  net.runUntil("all is there", () => net.converged(), 10_000);
  assert.ok(longest < 70_000, `a frame of ${longest} bytes`);
  const { bytes } = net.node("b").machine.get("team", "big") ?? assert.fail();
  assert.deepEqual(entryCodec.decode(bytes)?.value, big);
}

/** One seed gives one run: what happened, in order. */
export function traceOf(seed: number): string[] {
  const net = readyCluster(["a", "b", "c"], seed);
  for (let i = 0; i < 100; i++) {
    net.set(["a", "b", "c"][i % 3] as string, "team", `k${i % 20}`, `${i}`);
  }
  net.flap(20);
  net.runFor(1_000);
  net.crash("b");
  net.runFor(3_000);
  net.start("b");
  net.runFor(60_000);
  return net.trace;
}
