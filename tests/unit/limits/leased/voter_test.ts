import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LeasedMessage, ToVoter } from "../../../../src/core/limits/leased/messages.ts";
import {
  Voter,
  type VoterEffect,
  type VoterRecord,
} from "../../../../src/core/limits/leased/voter.ts";
import { epoch, row, slice, store, version, WINDOW_MS } from "./fixtures.ts";

const self = { node: "a", boot: "a.1", voter: "a.1" };

function plain(): Voter {
  return new Voter({ self, hasStorage: false });
}

function tell(voter: Voter, message: ToVoter, now = 1_000): LeasedMessage {
  const out: VoterEffect[] = [];
  voter.handle({ type: "message", from: "x", message }, now, out);
  const [effect] = out;
  assert.ok(effect?.type === "send");
  return effect.message;
}

function prepare(voter: Voter, number: number, node = "a"): LeasedMessage {
  return tell(voter, { type: "prepare", shard: 0, epoch: epoch(number, node) });
}

function verdicts(message: LeasedMessage): string[] {
  assert.ok(message.type === "stored");
  return message.verdicts.map(({ verdict }) => verdict);
}

describe("a voter", () => {
  it("promises upwards only, and the same again to the same root", () => {
    const voter = plain();
    assert.equal(prepare(voter, 2).type, "promised");
    assert.equal(prepare(voter, 2).type, "promised");
    const refused = prepare(voter, 1);
    assert.ok(refused.type === "refused");
    assert.equal(refused.promised.number, 2);
    assert.equal(prepare(voter, 2, "b").type, "promised", "a later node of the same number");
    assert.equal(prepare(voter, 2, "a").type, "refused");
  });

  it("stores nothing below its promise, and takes a store for a promise", () => {
    const voter = plain();
    prepare(voter, 5);
    assert.equal(tell(voter, store(epoch(4), "a.1", [])).type, "refused");
    assert.equal(tell(voter, store(epoch(6), "a.1", [])).type, "stored");
    assert.equal(prepare(voter, 5).type, "refused");
  });

  it("hands over list and ledger with its promise, merged by maximum", () => {
    const voter = plain();
    tell(voter, store(epoch(1), "a.1", [slice(1_000, [row("h", 10, 0, 1)])]));
    tell(voter, store(epoch(1), "a.1", [slice(1_000, [row("h", 7, 3, 0), row("i", 1)])]));
    const promised = prepare(voter, 2);
    assert.ok(promised.type === "promised");
    assert.equal(promised.list?.voters.length, 3);
    assert.deepEqual(promised.slices[0]?.rows, [row("h", 10, 3, 1), row("i", 1)]);
  });

  it("keeps silent when another boot is meant", () => {
    const out: VoterEffect[] = [];
    const message = store(epoch(1), "a.0", []);
    plain().handle({ type: "message", from: "x", message }, 0, out);
    assert.deepEqual(out, []);
  });

  it("refuses windows too far from its clock", () => {
    const voter = plain();
    voter.handle({ type: "clock", offsetMs: 10 * WINDOW_MS }, 0, []);
    const at = (wallMs: number) =>
      verdicts(tell(voter, store(epoch(1), "a.1", [slice(wallMs, [row("h", 1)])]), 0));
    assert.deepEqual(at(10 * WINDOW_MS), ["stored"]);
    assert.deepEqual(at(11 * WINDOW_MS), ["early"]);
    assert.deepEqual(at(9 * WINDOW_MS), ["late"]);
  });

  it("tolerates a hundredth of the window, and no more", () => {
    const tolerated = WINDOW_MS / 100;
    for (const [before, verdict] of [[tolerated, "stored"], [tolerated + 1, "early"]] as const) {
      const voter = plain();
      voter.handle({ type: "clock", offsetMs: 10 * WINDOW_MS - before }, 0, []);
      const said = tell(voter, store(epoch(1), "a.1", [slice(10 * WINDOW_MS, [row("h", 1)])]), 0);
      assert.deepEqual(verdicts(said), [verdict]);
    }
  });

  it("says of a window that it let go that it is closed, and never takes it again", () => {
    const voter = plain();
    tell(voter, store(epoch(1), "a.1", [slice(0, [row("h", 10)])]), 0);
    tell(voter, store(epoch(1), "a.1", [slice(WINDOW_MS, [])]), WINDOW_MS);
    // Its clock goes back; the window does not come back.
    assert.deepEqual(verdicts(tell(voter, store(epoch(1), "a.1", [slice(0, [row("h", 10)])]), 0)), [
      "late",
    ]);
    const promised = prepare(voter, 2);
    assert.ok(promised.type === "promised");
    assert.deepEqual(promised.slices.map(({ closed, window }) => [closed, window.order]), [[0, 1]]);
  });

  it("refuses grants under an older definition than it stored", () => {
    const voter = plain();
    tell(voter, store(epoch(1), "a.1", [slice(0, [], { version: version(2) })]), 0);
    const said = tell(voter, store(epoch(1), "a.1", [slice(0, [row("h", 1)])]), 0);
    assert.ok(said.type === "stored");
    assert.deepEqual(said.verdicts[0]?.verdict, "version");
    assert.deepEqual(said.verdicts[0]?.terms, { version: version(2), cap: 1_000 });
  });

  it("keeps every window of a ring, and takes reports of those that are over", () => {
    const voter = plain();
    const ring = (wallMs: number, granted: number) =>
      slice(wallMs, [row("h", granted)], { span: 3 });
    tell(voter, store(epoch(1), "a.1", [ring(0, 1)]), 0);
    tell(voter, store(epoch(1), "a.1", [ring(WINDOW_MS, 2)]), WINDOW_MS);
    assert.deepEqual(
      verdicts(tell(voter, store(epoch(1), "a.1", [ring(0, 5)]), 1.5 * WINDOW_MS)),
      ["late"],
    );
    const promised = prepare(voter, 2);
    assert.ok(promised.type === "promised");
    assert.deepEqual(promised.slices.map(({ rows }) => rows[0]?.granted), [5, 2]);
  });

  it("answers when its storage has written, in order, and remembers all of it", () => {
    const voter = new Voter({ self, hasStorage: true });
    const out: VoterEffect[] = [];
    const hand = (message: ToVoter) =>
      voter.handle({ type: "message", from: "x", message }, 0, out);
    hand({ type: "prepare", shard: 0, epoch: epoch(3) });
    hand(store(epoch(3), "a.1", [slice(0, [row("h", 4)])]));
    assert.deepEqual(out.map(({ type }) => type), ["persist", "persist"]);
    const records: VoterRecord[] = [];
    for (const effect of out.splice(0)) if (effect.type === "persist") records.push(effect.record);
    voter.handle({ type: "persisted", number: 1 }, 0, out);
    assert.deepEqual(out.map((effect) => effect.type === "send" && effect.message.type), [
      "promised",
    ]);
    voter.handle({ type: "persisted", number: 2 }, 0, out);
    assert.equal(out.length, 2);

    const again = new Voter({ self, hasStorage: false, records: records.reverse() });
    assert.equal(prepare(again, 2).type, "refused");
    const promised = prepare(again, 4);
    assert.ok(promised.type === "promised");
    assert.deepEqual(promised.slices[0]?.rows, [row("h", 4)]);
    assert.equal(promised.list?.voters.length, 3);
  });

  it("is free when no list names it", () => {
    const voter = plain();
    assert.equal(voter.isFree, true);
    tell(voter, store(epoch(1), "a.1", []));
    assert.equal(voter.isFree, false);
  });
});
