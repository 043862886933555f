import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Awareness } from "../../../src/core/membership/awareness.ts";
import {
  pushPullScale,
  retransmitLimit,
  suspicionTimeout,
} from "../../../src/core/membership/scaling.ts";
import { Suspicion, suspicionTimeoutAfter } from "../../../src/core/membership/suspicion.ts";

describe("scaling", () => {
  for (
    const [members, factor] of [
      [5, 1000],
      [10, 1000],
      [50, 1698],
      [100, 2000],
      [500, 2698],
      [1000, 3000],
    ] as const
  ) {
    it(`lets ${members} members be suspected for ${factor} ms at least (Go: TestSuspicionTimeout)`, () => {
      assert.equal(suspicionTimeout(3, members, 1000) / 3, factor);
    });
  }

  for (const [members, limit] of [[0, 0], [1, 3], [99, 6]] as const) {
    it(`sends each broadcast ${limit} times among ${members} (Go: TestRetransmitLimit)`, () => {
      assert.equal(retransmitLimit(3, members), limit);
    });
  }

  it("stretches the push/pull interval above 32 members (Go: TestPushPullScale)", () => {
    for (let n = 0; n <= 32; n++) assert.equal(pushPullScale(1000, n), 1000);
    for (let n = 33; n <= 64; n++) assert.equal(pushPullScale(1000, n), 2000);
    for (let n = 65; n <= 128; n++) assert.equal(pushPullScale(1000, n), 3000);
  });
});

describe("a suspicion", () => {
  const bounds = { minMs: 2000, maxMs: 30_000, confirmationsMax: 3 };
  const origin = { accuser: "me", sinceMs: 0, localHealth: 0, lastAckAgoMs: undefined };

  for (
    const [confirmations, elapsedMs, remainingMs] of [
      [0, 0, 30_000],
      [1, 2000, 14_000],
      [2, 3000, 4810],
      [3, 4000, -2000],
      [4, 5000, -3000],
      [5, 10_000, -8000],
    ] as const
  ) {
    it(`leaves ${remainingMs} ms after ${elapsedMs} ms and ${confirmations} confirmations (Go: TestSuspicion_remainingSuspicionTime)`, () => {
      assert.equal(suspicionTimeoutAfter(confirmations, bounds) - elapsedMs, remainingMs);
    });
  }

  for (
    const [accusers, deadlineMs, news] of [
      [[], 30_000, []],
      [["me", "foo"], 16_000, [false, true]],
      [["me", "foo", "foo", "foo"], 16_000, [false, true, false, false]],
      [["me", "foo", "bar"], 7810, [false, true, true]],
      [["me", "foo", "bar", "baz"], 2000, [false, true, true, true]],
      [["me", "foo", "bar", "baz", "zoo"], 2000, [false, true, true, true, false]],
    ] as const
  ) {
    it(`accused by [${accusers}] ends after ${deadlineMs} ms (Go: TestSuspicion_Timer)`, () => {
      const suspicion = new Suspicion(origin, bounds);
      assert.deepEqual(accusers.map((by) => suspicion.confirm(by)), [...news]);
      assert.equal(suspicion.deadlineMs, deadlineMs);
    });
  }

  it("takes no confirmations where none are expected (Go: TestSuspicion_Timer_ZeroK)", () => {
    const suspicion = new Suspicion(origin, { minMs: 25, maxMs: 30_000, confirmationsMax: 0 });
    assert.equal(suspicion.confirm("foo"), false);
    assert.equal(suspicion.deadlineMs, 25);
  });

  it("may be overdue after a confirmation (Go: TestSuspicion_Timer_Immediate)", () => {
    const suspicion = new Suspicion(origin, { minMs: 100, maxMs: 30_000, confirmationsMax: 1 });
    assert.equal(suspicion.confirm("foo"), true);
    assert.ok(suspicion.deadlineMs < 200);
  });

  it("is reprieved once", () => {
    const suspicion = new Suspicion(origin, bounds);
    assert.equal(suspicion.reprieve(20_000), false);
    assert.equal(suspicion.reprieve(31_000), true);
    assert.equal(suspicion.reprieve(40_000), false);
    assert.equal(suspicion.deadlineMs, 31_000);
  });

  it("keeps its evidence", () => {
    const suspicion = new Suspicion({ ...origin, localHealth: 2, lastAckAgoMs: 900 }, bounds);
    suspicion.confirm("foo");
    assert.deepEqual(suspicion.evidence(), {
      accuser: "me",
      confirmations: ["foo"],
      sinceMs: 0,
      deadlineMs: 16_000,
      localHealth: 2,
      lastAckAgoMs: 900,
    });
  });
});

describe("awareness", () => {
  it("stays between 0 and 7 and stretches timeouts (Go: TestAwareness)", () => {
    const awareness = new Awareness(8);
    for (
      const [delta, score] of [
        [0, 0],
        [-1, 0],
        [-10, 0],
        [1, 1],
        [-1, 0],
        [10, 7],
        [-1, 6],
        [-1, 5],
        [-1, 4],
        [-1, 3],
        [-1, 2],
        [-1, 1],
        [-1, 0],
        [-1, 0],
      ] as const
    ) {
      awareness.apply(delta);
      assert.equal(awareness.score, score);
      assert.equal(awareness.scale(1000), 1000 * (score + 1));
    }
  });
});
