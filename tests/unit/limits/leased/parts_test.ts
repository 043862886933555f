import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareEpochs, compareLists } from "../../../../src/core/limits/leased/epoch.ts";
import { grantSize } from "../../../../src/core/limits/leased/granting.ts";
import { nextVoters } from "../../../../src/core/limits/leased/list_change.ts";
import { ownerOf, rankFor, shardOf, SHARDS } from "../../../../src/core/limits/rendezvous.ts";
import { Right } from "../../../../src/core/limits/leased/right.ts";
import { LEASED_RULES } from "../../../../src/core/limits/leased/rules.ts";
import { epoch, list, members, version, windowAt } from "./fixtures.ts";

describe("rendezvous", () => {
  it("spreads limits over all shards", () => {
    const counts = new Array<number>(SHARDS).fill(0);
    for (let i = 0; i < 64_000; i++) counts[shardOf(`limit-${i}`)]! += 1;
    assert.ok(Math.min(...counts) > 850 && Math.max(...counts) < 1_150, counts.join());
  });

  it("moves only the shards of the node that went", () => {
    const nodes = ["a", "b", "c", "d", "e"];
    for (let shard = 0; shard < SHARDS; shard++) {
      const owner = ownerOf(shard, nodes);
      assert.equal(owner, rankFor(shard, nodes)[0]);
      assert.equal(owner, ownerOf(shard, [...nodes].reverse()));
      const rest = nodes.filter((node) => node !== "c");
      if (owner !== "c") assert.equal(ownerOf(shard, rest), owner);
    }
    assert.equal(ownerOf(0, []), undefined);
  });
});

describe("epochs and lists", () => {
  it("differ between any two candidates", () => {
    assert.ok(compareEpochs(epoch(1, "a"), epoch(1, "b")) < 0);
    assert.ok(compareEpochs(epoch(2, "a"), epoch(1, "b")) > 0);
    assert.ok(compareEpochs({ ...epoch(1), boot: "a.2" }, epoch(1)) > 0);
    assert.equal(compareEpochs(epoch(1), epoch(1)), 0);
    assert.ok(compareLists(list(["a"], epoch(2), 1), list(["a"], epoch(1), 9)) > 0);
  });

  it("need a majority of both lists while one follows the other", () => {
    const { isQuorum } = LEASED_RULES;
    const nobody = { known: [], alive: [], expectedNodes: undefined };
    const joint = { ...list(["a", "b", "c"]), before: list(["c", "d", "e"]).voters };
    const is = (...names: string[]) =>
      isQuorum(joint, new Set(names.map((name) => `${name}.1`)), nobody);
    assert.equal(is("a", "b"), false);
    assert.equal(is("a", "b", "c"), false);
    assert.equal(is("a", "c", "d"), true);
    assert.equal(
      isQuorum(list(["a", "b"]), new Set(["a.1"]), nobody),
      false,
      "half is no majority",
    );
  });
});

describe("the next list of voters", () => {
  const voters = list(["a", "b", "c"]).voters;
  const next = (changed: ReturnType<typeof members>) =>
    nextVoters(0, voters, changed)?.map(({ id }) => id).sort();

  it("stays when everybody is there, and when one is dead and nobody new", () => {
    assert.equal(next(members(["a", "b", "c"])), undefined);
    const dead = members(["a", "b", "c"]).map((m) =>
      m.node === "c" ? { ...m, state: "dead" as const } : m
    );
    assert.equal(next(dead), undefined);
    assert.equal(next(members(["a", "b"])), undefined, "nor when it was forgotten");
  });

  it("takes the new life of a restarted voter, or a newcomer for a dead one", () => {
    const restarted = members(["a", "b", "c"]);
    restarted[2] = { node: "c", boot: "c.2", voter: "c.2", state: "alive" };
    assert.deepEqual(next(restarted), ["a.1", "b.1", "c.2"]);
    const replaced = members(["a", "b", "c", "d"]);
    replaced[2] = { ...replaced[2]!, state: "dead" };
    assert.deepEqual(next(replaced), ["a.1", "b.1", "d.1"]);
  });

  it("lets go of those who leave, but never of all", () => {
    const left = members(["a", "b", "c"]);
    left[0] = { ...left[0]!, state: "leaving" };
    assert.deepEqual(next(left), ["b.1", "c.1"]);
    assert.equal(next(left.map((m) => ({ ...m, state: "left" as const }))), undefined);
  });

  it("grows with the cluster to an odd number, seven at most", () => {
    assert.equal(next(members(["a", "b", "c", "d"])), undefined);
    assert.equal(next(members(["a", "b", "c", "d", "e"]))?.length, 5);
    assert.equal(next(members(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]))?.length, 7);
  });
});

describe("the size of a grant", () => {
  const request = { cap: 1_000, free: 1_000, open: 0, want: 500, atLeast: 0, alive: 5 };
  it("is small, but enough for who waits", () => {
    assert.equal(grantSize(request), 20);
    assert.equal(grantSize({ ...request, open: 15 }), 5);
    assert.equal(grantSize({ ...request, open: 50 }), 0);
    assert.equal(grantSize({ ...request, want: 3 }), 3);
    assert.equal(grantSize({ ...request, atLeast: 300 }), 300);
  });

  it("never exceeds what is free, and starves nobody for a large caller", () => {
    assert.equal(grantSize({ ...request, free: 0 }), 0);
    assert.equal(grantSize({ ...request, free: -50, atLeast: 10 }), 0);
    assert.equal(grantSize({ ...request, free: 60, atLeast: 300 }), 6);
  });
});

describe("a right", () => {
  it("is lowered before it is given back, and never below what was spent", () => {
    const right = new Right(windowAt(0));
    right.grant(100, version(1));
    right.take(30);
    right.reserve(20);
    assert.equal(right.giveBack(10), 40);
    assert.deepEqual([right.free, right.returned], [10, 40]);
    right.refund(30);
    assert.equal(right.free, 40);
    assert.equal(right.giveBack(0), 30, "what was once spent is charged anyway");
    assert.equal(right.free, 10);
  });

  it("takes absolute numbers, so that old and doubled words change nothing", () => {
    const right = new Right(windowAt(0));
    right.grant(50, version(1));
    right.grant(50, version(1));
    right.grant(20, version(1));
    assert.equal(right.free, 50);
    right.correct(80);
    right.correct(80);
    right.grant(80, version(1));
    assert.deepEqual([right.granted, right.returned, right.free], [80, 30, 50]);
  });

  it("has debt when a reservation cost more than there was", () => {
    const right = new Right(windowAt(0));
    right.grant(10, version(1));
    right.reserve(10);
    right.settle(10, 25);
    assert.deepEqual([right.free, right.spent], [-15, 25]);
  });
});
