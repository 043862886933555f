import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MemberState } from "../../../src/core/membership/contract.ts";
import { MemberRecord } from "../../../src/core/membership/member_record.ts";
import { Members } from "../../../src/core/membership/members.ts";
import { Tombstones } from "../../../src/core/membership/tombstones.ts";
import { VersionSpan } from "../../../src/core/membership/version_check.ts";
import { Rng } from "../../../src/core/rng.ts";

function record(name: string, state: MemberState, changedMs = 0): MemberRecord {
  const none = new Uint8Array(0);
  const made = new MemberRecord(name, Uint8Array.of(1, 2, 3, 4), 1, "1.2.3.4:1", none, none, 0);
  made.state = state;
  made.stateChangedMs = changedMs;
  return made;
}

function table(...records: MemberRecord[]): Members {
  const members = new Members(new Rng(1));
  for (const one of records) members.add(one);
  return members;
}

describe("the member table", () => {
  it("forgets the old dead and the old left, keeps the recent (Go: TestMoveDeadNodes, TestMemberList_ResetNodes)", () => {
    const self = record("self", "left", 0);
    const members = table(
      self,
      record("dead", "dead", 0),
      record("left", "left", 0),
      record("fresh dead", "dead", 90),
      record("fresh left", "left", 90),
      record("alive", "alive", 0),
    );
    const reaped = members.reap(50, self).map((r) => r.name).sort();
    assert.deepEqual(reaped, ["dead", "left"]);
    const kept = members.list.map((r) => r.name).sort();
    assert.deepEqual(kept, ["alive", "fresh dead", "fresh left", "self"]);
    assert.equal(members.get("dead"), undefined);
    members.list.forEach((r, index) => assert.equal(r.index, index));
  });

  it("picks different eligible members (Go: TestKRandomNodes)", () => {
    const members = table();
    for (let i = 0; i < 90; i++) {
      const state = (["alive", "suspect", "dead"] as const)[i % 3] as MemberState;
      members.add(record(`n${i}`, state));
    }
    const pick = () => members.pick(3, (r) => r.name === "n0" || r.state !== "alive");
    const picks = [pick(), pick(), pick()];
    for (const picked of picks) {
      assert.equal(new Set(picked).size, 3);
      for (const one of picked) assert.ok(one.state === "alive" && one.name !== "n0");
    }
    const names = picks.map((picked) => picked.map((r) => r.name).join());
    assert.equal(new Set(names).size, 3);
  });

  it("searches small tables fully (Go: TestKRandomNodes)", () => {
    const members = table(record("a", "dead"), record("b", "dead"), record("c", "alive"));
    for (let i = 0; i < 20; i++) {
      assert.deepEqual(members.pick(2, (r) => r.state !== "alive").map((r) => r.name), ["c"]);
    }
  });

  it("shuffles at every round (Go: TestShuffleNodes)", () => {
    const members = table();
    for (let i = 0; i < 50; i++) members.add(record(`n${i}`, "alive"));
    const before = members.list.map((r) => r.name).join();
    members.reap(0, record("self", "alive"));
    assert.notEqual(members.list.map((r) => r.name).join(), before);
  });

  it("answers the same views until something changes", () => {
    const one = record("a", "alive");
    const members = table(one);
    const views = members.views();
    assert.equal(members.views(), views);
    members.setState(one, "suspect", 5);
    members.changed(one);
    assert.notEqual(members.views(), views);
    assert.equal(members.views()[0]?.state, "suspect");
    assert.equal(views[0]?.state, "alive");
  });

  it("counts the live", () => {
    const one = record("a", "alive");
    const members = table(one, record("b", "dead"));
    assert.equal(members.live, 1);
    members.setState(one, "suspect", 1);
    assert.equal(members.live, 1);
    members.setState(one, "left", 2);
    assert.equal(members.live, 0);
  });
});

describe("tombstones", () => {
  it("outlive their member by a set time", () => {
    const stones = new Tombstones(10, 100);
    stones.add("a", 7, 0);
    assert.equal(stones.get("a", 99), 7);
    assert.equal(stones.get("a", 100), undefined);
    assert.equal(stones.size, 0);
  });

  it("never exceed their number", () => {
    const stones = new Tombstones(3, 1000);
    for (let i = 0; i < 10; i++) stones.add(`n${i}`, 1, i);
    assert.equal(stones.size, 3);
    assert.equal(stones.get("n6", 10), undefined);
    assert.equal(stones.get("n7", 10), 1);
  });
});

describe("versions", () => {
  type Triple = readonly [number, number, number];
  // Go's table: members of one side, of the other, whether all of them go together.
  const cases: readonly (readonly [readonly Triple[], readonly Triple[], boolean])[] = [
    [[[0, 0, 0]], [[0, 0, 0]], true],
    [[[0, 0, 0]], [[0, 1, 0]], true],
    [[[0, 0, 0]], [[1, 1, 1]], false],
    [[[0, 1, 0], [0, 2, 1]], [[1, 3, 1]], false],
    [[[0, 3, 2], [0, 2, 0]], [[0, 2, 1], [0, 5, 0]], true],
  ];
  const core = (t: Triple) => Uint8Array.of(...t, 0, 0, 0);
  const delegate = (t: Triple) => Uint8Array.of(0, 0, 0, ...t);

  for (const [index, [a, b, together]] of cases.entries()) {
    for (const [what, vsn] of [["core", core], ["delegate", delegate]] as const) {
      for (const [local, remote] of [[a, b], [b, a]]) {
        it(`case ${index}, ${what}: [${local}] with [${remote}] is ${together} (Go: TestVerifyProtocol)`, () => {
          const span = new VersionSpan();
          for (const triple of local ?? []) span.add(vsn(triple));
          const admitted = (remote ?? []).every((triple) => span.admits(vsn(triple)));
          assert.equal(admitted, together);
        });
      }
    }
  }

  it("admits nobody with fewer than six bytes", () => {
    const span = new VersionSpan();
    span.add(Uint8Array.of(1, 5, 2, 0, 0, 0));
    assert.equal(span.admits(null), false);
    assert.equal(span.admits(Uint8Array.of(1, 5, 2)), false);
    assert.equal(span.admits(Uint8Array.of(1, 5, 2, 0, 0, 0)), true);
  });
});
