import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { OwnerMessage } from "../../../../src/core/limits/owner/messages.ts";
import { Bench, limitOf, START, units } from "./fixtures.ts";

const NODES = ["a", "b", "c"];

/** Somebody who does not decide for `key`. */
function callerOf(bench: Bench): string {
  return NODES.find((name) => name !== bench.ownerOf("key")) as string;
}

describe("a limit of the owner strength", () => {
  it("admits up to the limit, whoever asks, and says what is left and for how long", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    const decisions = [4, 4, 4, 2].map((amount, i) =>
      bench.take(NODES[i % 3] as string, "key", amount)
    );
    assert.deepEqual(decisions.map(({ admitted }) => admitted), [true, true, false, true]);
    assert.equal(decisions[1]?.items[0]?.remaining, units(2));
    assert.equal(decisions[2]?.reason, "limit");
    const left = decisions[2]?.retryAfterMs ?? 0;
    assert.ok(left > 59_000 && left <= 60_000, String(left));
  });

  it("begins anew with every window", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    assert.ok(bench.take("a", "key", 10).admitted);
    assert.ok(!bench.take("b", "key", 1).admitted);
    bench.pass(60_000);
    assert.ok(bench.take("b", "key", 10).admitted);
  });

  it("sends many requests to one owner in one message", () => {
    const bench = new Bench(NODES, [limitOf("key", { limit: 1_000 })]);
    const caller = callerOf(bench);
    const asks: number[] = [];
    bench.loses = ({ message }) => {
      if (message.type === "ask") asks.push(message.ops.length);
      return false;
    };
    for (let call = 0; call < 100; call++) {
      bench.at(caller).consume(call, [{ limit: "key", amount: units(1) }], bench.now, START);
    }
    bench.pass(5);
    assert.deepEqual(asks, [64, 36]);
    assert.equal(bench.decisions.filter(({ admitted }) => admitted).length, 100);
  });

  it("answers a repeat without charging it again", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    let lost = 0;
    bench.loses = ({ message }) => message.type === "reply" && lost++ < 3;
    assert.ok(bench.take(callerOf(bench), "key", 3).admitted);
    assert.ok(lost >= 3);
    assert.equal(bench.used(bench.ownerOf("key"), "key"), 3);
  });

  it("answers only when the next on the ring has the charge", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    bench.loses = ({ message }) => message.type === "mirrored";
    const decision = bench.take(callerOf(bench), "key", 1);
    assert.equal(decision.reason, "isolated");
    bench.loses = () => false;
    bench.pass(1_000);
    assert.equal(bench.used(bench.ownerOf("key"), "key"), 0, "the caller took it back");
  });

  it("lets a cancel win that overtakes its charge", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    const owner = bench.ownerOf("key");
    const caller = callerOf(bench);
    const late: OwnerMessage[] = [];
    bench.loses = ({ message }) => {
      const isCharge = message.type === "ask" && message.ops.some(({ op }) => op === "charge");
      if (isCharge) late.push(message);
      return isCharge;
    };
    bench.at(caller).consume(1, [{ limit: "key", amount: units(5) }], bench.now, START);
    bench.pass(5);
    bench.at(caller).abandon(1, bench.now);
    bench.pass(50);
    bench.loses = () => false;
    for (const message of late) bench.hand(owner, { type: "message", from: caller, message });
    bench.pass(500);
    assert.ok(late.length > 0);
    assert.equal(bench.used(owner, "key"), 0);
    assert.equal(bench.decisions.length, 0);
  });

  it("takes of several limits or of none", () => {
    const limits = [limitOf("key"), limitOf("team", { limit: 3 }), limitOf("model")];
    const bench = new Bench(NODES, limits);
    const items = limits.map(({ id }) => ({ limit: id, amount: units(2) }));
    assert.ok(bench.takeAll("a", items).admitted);
    const refused = bench.takeAll("b", items);
    assert.equal(refused.admitted, false);
    assert.equal(refused.refused, 1);
    bench.pass(500);
    for (const { id } of limits) assert.equal(bench.used(bench.ownerOf(id), id), 2, id);
  });

  it("settles what was reserved, gives back what is refunded, and lets estimates stand in time", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    const caller = callerOf(bench);
    const owner = bench.ownerOf("key");
    const first = bench.take(caller, "key", 6, 5_000);
    assert.equal(bench.at(caller).settle(first.reservation, [units(2)], bench.now), "settled");
    const second = bench.take(caller, "key", 6, 5_000);
    assert.ok(second.admitted);
    assert.equal(bench.at(caller).refund(second.reservation, bench.now), "settled");
    assert.equal(bench.at(caller).refund(second.reservation, bench.now), "unknown");
    const third = bench.take(caller, "key", 4, 1_000);
    bench.pass(2_000);
    assert.equal(bench.at(caller).settle(third.reservation, [0], bench.now), "unknown");
    assert.equal(bench.used(owner, "key"), 6);
    assert.throws(() => bench.at(caller).settle(1, [-1], bench.now), RangeError);
  });

  it("makes a debt of what costs more, which refuses what follows", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    const caller = callerOf(bench);
    const { reservation } = bench.take(caller, "key", 6, 5_000);
    bench.at(caller).settle(reservation, [units(12)], bench.now);
    bench.pass(100);
    assert.equal(bench.take(caller, "key", 1).reason, "limit");
    assert.deepEqual(bench.events, ["near", "debt"]);
  });

  it("decides and admits anyway in shadow mode", () => {
    const bench = new Bench(NODES, [limitOf("key", { shadow: true })]);
    assert.equal(bench.take("a", "key", 10).shadowed, 0);
    const beyond = bench.take("b", "key", 5);
    assert.ok(beyond.admitted);
    assert.equal(beyond.shadowed, 1);
  });

  it("counts what a dead owner had answered for", () => {
    const bench = new Bench(NODES, [limitOf("key", { whenIsolated: "deny" })]);
    const dead = bench.ownerOf("key");
    assert.ok(bench.take(callerOf(bench), "key", 7).admitted);
    bench.owners.delete(dead);
    const rest = NODES.filter((name) => name !== dead);
    bench.members(rest, [{ node: dead, boot: `${dead}.1`, state: "dead" }]);
    bench.pass(500);
    assert.equal(bench.take(rest[0] as string, "key", 4).reason, "limit");
    assert.ok(bench.take(rest[0] as string, "key", 3).admitted);
  });

  it("knows a repeat of what the dead owner charged", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    const dead = bench.ownerOf("key");
    const caller = callerOf(bench);
    bench.loses = ({ message }) => message.type === "reply";
    bench.at(caller).consume(1, [{ limit: "key", amount: units(4) }], bench.now, START);
    bench.pass(50);
    bench.loses = () => false;
    bench.owners.delete(dead);
    const rest = NODES.filter((name) => name !== dead);
    bench.members(rest, [{ node: dead, boot: `${dead}.1`, state: "dead" }]);
    bench.pass(800);
    assert.equal(bench.decisions[0]?.admitted, true);
    assert.equal(bench.used(bench.ownerOf("key"), "key"), 4);
  });

  it("hands its offices on when it leaves", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    const leaver = bench.ownerOf("key");
    assert.ok(bench.take(callerOf(bench), "key", 7).admitted);
    bench.hand(leaver, { type: "leave" });
    assert.equal(bench.take(leaver, "key", 1).reason, "leaving");
    assert.equal(bench.at(leaver).isDrained, false);
    const rest = NODES.filter((name) => name !== leaver);
    bench.members(rest, [{ node: leaver, boot: `${leaver}.1`, state: "leaving" }]);
    bench.pass(500);
    assert.equal(bench.at(leaver).isDrained, true);
    assert.equal(bench.used(bench.ownerOf("key"), "key"), 7);
  });

  it("does what the limit says when at most half of the members are alive", () => {
    const policies = { deny: 0, share: 4, limit: 8 };
    for (const [whenIsolated, most] of Object.entries(policies)) {
      const bench = new Bench(["a", "b"], [limitOf("key", { whenIsolated })]);
      assert.ok(bench.take("a", "key", 2).admitted);
      bench.owners.delete("b");
      bench.members(["a"], [{ node: "b", boot: "b.1", state: "dead" }]);
      bench.pass(500);
      let admitted = 0;
      for (let i = 0; i < 12; i++) if (bench.take("a", "key", 1).admitted) admitted++;
      assert.equal(admitted, most, whenIsolated);
    }
  });

  it("does what the limit says when no owner answers", () => {
    const policies = { deny: 0, share: 3, limit: 10 };
    for (const [whenIsolated, most] of Object.entries(policies)) {
      const bench = new Bench(NODES, [limitOf("key", { whenIsolated })], { giveUpMs: 200 });
      const caller = callerOf(bench);
      bench.loses = ({ message }) => message.type === "ask";
      let admitted = 0;
      for (let i = 0; i < 12; i++) if (bench.take(caller, "key", 1).admitted) admitted++;
      assert.equal(admitted, most, whenIsolated);
    }
  });

  it("bounds what waits, and refuses what it does not know", () => {
    const bench = new Bench(NODES, [limitOf("key")], { openMax: 2, reservationsMax: 1 });
    const caller = callerOf(bench);
    assert.equal(bench.take(caller, "other", 1).reason, "unknown-limit");
    assert.ok(bench.take(caller, "key", 1, 5_000).admitted);
    assert.equal(bench.take(caller, "key", 1, 5_000).reason, "reservations");
    bench.loses = ({ message }) => message.type === "ask";
    const items = [{ limit: "key", amount: units(1) }];
    for (let call = 10; call < 13; call++) bench.at(caller).consume(call, items, bench.now, START);
    bench.pass(1);
    assert.equal(bench.decisions.at(-1)?.reason, "busy");
    assert.throws(
      () => bench.at(caller).consume(14, [{ limit: "key", amount: 0.5 }], 0, 0),
      RangeError,
    );
  });

  it("takes no notice of what is for another boot, or makes no sense", () => {
    const bench = new Bench(NODES, [limitOf("key")]);
    const owner = bench.ownerOf("key");
    const messages: OwnerMessage[] = [
      { type: "ask", to: "x", boot: "a.1", doneBelow: 0, ops: [] },
      { type: "reply", to: "x", boot: "a.1", results: [] },
      { type: "mirrored", to: `${owner}.1`, boot: "x", seq: 9, lost: [1_000] },
      { type: "pull", boot: "x", shard: 1_000, attempt: 1 },
      {
        type: "mirror",
        to: `${owner}.1`,
        boot: "x",
        seq: 1,
        cells: [{ key: "no key", word: 1, bytes: new Uint8Array(3), expiresMs: Infinity }],
        charges: [],
      },
    ];
    for (const message of messages) bench.hand(owner, { type: "message", from: "a", message });
    bench.hand(owner, { type: "cell", key: "no key", bytes: new Uint8Array() });
    assert.equal(bench.ownerOf("key"), owner);
    assert.ok(bench.at(owner).counters.cellsMalformed > 0);
  });
});
