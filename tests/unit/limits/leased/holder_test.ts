import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Holder, type HolderEffect } from "../../../../src/core/limits/leased/holder.ts";
import type { LeasedLimit } from "../../../../src/core/limits/leased/leased_limit.ts";
import type { AnswerItem, Ask } from "../../../../src/core/limits/leased/messages.ts";
import type { LeasedLimitFacts } from "../../../../src/core/limits/leased/contract.ts";
import { facts, version, WINDOW_MS, windowAt } from "./fixtures.ts";

const TTL_MS = 10_000;

/** A holder and a root that the test plays. Monotonic and cluster time are the same. */
class Desk {
  readonly holder = new Holder({ self: { node: "h", boot: "h.1", voter: "h.1" } });
  readonly limit: LeasedLimit;
  readonly sent: Ask[] = [];
  granted = 0;

  constructor(changes: Partial<LeasedLimitFacts> = {}) {
    this.holder.handle({ type: "limit", limit: facts(changes) }, 0, []);
    this.holder.handle({ type: "roots", roots: new Array(64).fill("r"), alive: 4 }, 0, []);
    this.limit = this.holder.limit("cap") as LeasedLimit;
  }

  tick(now: number): Ask | undefined {
    const out: HolderEffect[] = [];
    this.holder.handle({ type: "tick" }, now, out);
    for (const effect of out) if (effect.type === "send") this.sent.push(effect.message);
    return this.sent.at(-1);
  }

  answer(sentMs: number, now: number, item: Partial<AnswerItem> & object, boot = "h.1"): void {
    const window = windowAt(sentMs);
    const whole = {
      type: "granted",
      limit: "cap",
      order: window.order,
      granted: 0,
      returned: 0,
      spent: 0,
      leftMs: window.endMs - sentMs,
      window,
      version: version(1),
      isScarce: false,
      ...item,
    } as AnswerItem;
    const message = { type: "answer", boot, sentMs, ttlMs: TTL_MS, items: [whole] } as const;
    const out: HolderEffect[] = [];
    this.holder.handle({ type: "message", message }, now, out);
    this.granted += out.length;
  }
}

describe("a holder", () => {
  it("asks for what the waiting caller needs, and decides alone afterwards", () => {
    const desk = new Desk();
    assert.equal(desk.limit.check(5, 0), "asking");
    const ask = desk.tick(0);
    assert.equal(ask?.items[0]?.atLeast, 5);
    desk.answer(0, 3, { granted: 20 });
    assert.equal(desk.granted, 1, "who waits is told");
    assert.equal(desk.limit.check(20, 4), undefined);
    desk.limit.take(20, 4);
    assert.equal(desk.limit.check(1, 5), "asking");
  });

  it("stops at the end of its right, counted from sending", () => {
    const desk = new Desk();
    desk.answer(100, 5_000, { granted: 20 });
    assert.equal(desk.limit.check(1, 100 + TTL_MS - 1), undefined);
    assert.equal(desk.limit.check(1, 100 + TTL_MS), "asking");
  });

  it("stops when the time is over that was left of the window, and when its own clock says so", () => {
    const short = new Desk();
    short.answer(0, 1, { granted: 20, leftMs: 500 });
    assert.equal(short.limit.check(1, 499), undefined);
    assert.equal(short.limit.check(1, 500), "asking");
    const ahead = new Desk();
    ahead.answer(0, 1, { granted: 20 });
    ahead.holder.handle({ type: "clock", offsetMs: WINDOW_MS }, 2, []);
    assert.equal(ahead.limit.check(1, 3), "asking");
    ahead.holder.handle({ type: "clock", offsetMs: 0 }, 4, []);
    ahead.answer(0, 5, { granted: 20 });
    assert.equal(ahead.limit.check(1, 6), "asking", "a window that was left never comes back");
  });

  it("takes no notice of what another life of its node asked for", () => {
    const desk = new Desk();
    desk.answer(0, 1, { granted: 20 }, "h.0");
    assert.equal(desk.limit.check(1, 2), "asking");
  });

  it("renews at half life and reports what it spent", () => {
    const desk = new Desk();
    desk.limit.check(5, 0);
    desk.tick(0);
    desk.answer(0, 1, { granted: 100 });
    desk.limit.take(7, 2);
    assert.equal(desk.holder.nextDeadline(), TTL_MS / 2);
    const ask = desk.tick(TTL_MS / 2);
    assert.equal(desk.sent.length, 2);
    assert.equal(ask?.items[0]?.spent, 7);
  });

  it("gives back what nobody wants, its own right first", () => {
    const desk = new Desk();
    desk.limit.check(1, 0);
    desk.tick(0);
    desk.answer(0, 1, { granted: 100, isScarce: true });
    const ask = desk.tick(TTL_MS / 2);
    assert.equal(ask?.items[0]?.returned, 100);
    assert.equal(desk.limit.right?.free, 0);
  });

  it("gives up unseen what the ledger says beyond what it was told", () => {
    const desk = new Desk();
    desk.answer(0, 1, { granted: 10 });
    desk.answer(0, 2, { type: "correct", granted: 50 } as AnswerItem);
    assert.deepEqual([desk.limit.right?.free, desk.limit.right?.returned], [10, 40]);
    desk.answer(0, 3, { granted: 50 });
    assert.equal(desk.limit.right?.free, 10);
  });

  it("asks again until it is answered, and not more often", () => {
    const desk = new Desk();
    desk.limit.check(1, 0);
    for (let now = 0; now <= 1_000; now += 10) {
      desk.limit.check(1, now);
      desk.tick(now);
    }
    assert.equal(desk.sent.length, 5, "every 250 ms");
  });

  it("says that the limit is used up when the root says so", () => {
    const desk = new Desk();
    desk.limit.check(5, 0);
    desk.tick(0);
    desk.answer(0, 1, { granted: 0, isScarce: true });
    assert.equal(desk.limit.check(5, 2), "limit");
    assert.equal(desk.limit.retryMs("limit", 2), WINDOW_MS - 2);
  });

  for (const [whenIsolated, admitted] of [["deny", 0], ["share", 250], ["limit", 1_000]] as const) {
    it(`admits ${admitted} of 1000 among four when no root answers and it is told to "${whenIsolated}"`, () => {
      const desk = new Desk({ whenIsolated });
      desk.limit.check(1, 0);
      desk.tick(0);
      let taken = 0;
      for (let i = 0; i < 1_100; i++) {
        const refusal = desk.limit.check(1, 2_000);
        if (refusal === undefined) {
          desk.limit.take(1, 2_000);
          taken++;
        } else assert.equal(refusal, "isolated");
      }
      assert.equal(taken, admitted);
    });
  }

  it("gives everything back when it leaves, and is drained when that is written down", () => {
    const desk = new Desk();
    desk.answer(0, 1, { granted: 100 });
    desk.holder.handle({ type: "leave" }, 2, []);
    assert.equal(desk.limit.check(1, 3), "leaving");
    const ask = desk.tick(3);
    assert.deepEqual([ask?.items[0]?.returned, ask?.items[0]?.want], [100, -1]);
    assert.equal(desk.holder.isDrained, false);
    desk.answer(3, 4, { granted: 100, returned: 100 });
    assert.equal(desk.holder.isDrained, true);
  });

  it("sends many limits in one message", () => {
    const desk = new Desk();
    for (let i = 0; i < 100; i++) {
      desk.holder.handle({ type: "limit", limit: facts({ key: `k${i}` }) }, 0, []);
      desk.holder.limit(`k${i}`)?.check(1, 0);
    }
    assert.equal(desk.tick(0)?.items.length, 100);
    assert.equal(desk.sent.length, 1);
  });
});
