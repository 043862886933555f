import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeCell } from "../../../src/core/limits/cell_codec.ts";
import { cellKey } from "../../../src/core/limits/cell_key.ts";
import type { LimitsOptions } from "../../../src/core/limits/config.ts";
import type { LimitsEffect, LimitsEvent, LimitsInput } from "../../../src/core/limits/contract.ts";
import { Limits } from "../../../src/core/limits/machine.ts";
import { Rng } from "../../../src/core/rng.ts";

const UNIT = 1_000_000;
const START = 1_700_000_000_000;
const CREATED = `${START}.0.a`;

/** One machine on clocks that the test moves. */
class Desk {
  readonly limits: Limits;
  readonly effects: LimitsEffect[] = [];
  now = 0;

  constructor(peers: readonly string[] = [], options: Partial<LimitsOptions> = {}) {
    this.limits = new Limits({
      node: "a",
      boot: "1",
      calendar: { window: () => undefined },
      ...options,
    });
    this.give({ type: "wall", wallMs: START });
    const members = ["a", ...peers].map((node) => ({ node, boot: "1" }));
    this.give({ type: "members", members, alive: members });
    this.give({ type: "ready" });
    for (const node of peers) this.touch(node);
  }

  give(input: LimitsInput): void {
    this.limits.handle(input, this.now, this.effects);
  }

  touch(node: string): void {
    this.give({ type: "inTouch", peer: { node, boot: "1" }, sinceMs: this.now });
  }

  define(id: string, limit: number, more: Record<string, unknown> = {}): void {
    const value = {
      limit,
      window: "1h",
      strength: "approximate",
      whenIsolated: "deny",
      created: CREATED,
      ...more,
    };
    this.give({ type: "definition", id, value });
  }

  take(units: Record<string, number> | [string, number][], reserveMs = 0) {
    const entries = Array.isArray(units) ? units : Object.entries(units);
    const items = entries.map(([limit, amount]) => ({ limit, amount: amount * UNIT }));
    return { ...this.limits.consume(items, this.now, this.wall, reserveMs) };
  }

  used(id: string): number {
    return (this.limits.read(id, this.now, this.wall)?.used ?? NaN) / UNIT;
  }

  /** Lets the machine do what is due, and tells it that everybody knows. */
  flush(isSettled = true): LimitsEffect[] {
    this.give({ type: "tick" });
    const written = this.effects.splice(0);
    if (!isSettled) return written;
    for (const effect of written) {
      if (effect.type !== "writeCell") continue;
      this.give({ type: "settled", key: effect.key, word: effect.word });
    }
    return written;
  }

  /** A word of another writer. */
  hear(node: string, limit: string, units: number, more: Partial<Heard> = {}): void {
    const { word = 1, burst = 0, window = "1h/+0", created = CREATED } = more;
    const total = units * UNIT;
    const key = cellKey({ limit, created, window, node, boot: "1" });
    const parts = [{ index: 0, added: total, removed: 0 }];
    const bytes = encodeCell({ word, total, burst: burst * UNIT, rate: 0, parts });
    this.give({ type: "cell", key, bytes });
  }

  events(): LimitsEvent[] {
    this.give({ type: "tick" });
    return this.effects.splice(0).flatMap((effect) => effect.type === "event" ? effect.event : []);
  }

  get wall(): number {
    return START + this.now;
  }
}

interface Heard {
  word: number;
  burst: number;
  window: string;
  created: string;
}

describe("a call that takes of several limits", () => {
  it("takes of all or of none", () => {
    const desk = new Desk();
    desk.define("key", 10);
    desk.define("team", 3);
    assert.equal(desk.take({ key: 3, team: 3 }).admitted, true);
    const refused = desk.take({ key: 1, team: 1 });
    assert.deepEqual([refused.admitted, refused.refused, refused.reason], [false, 1, "limit"]);
    assert.deepEqual([desk.used("key"), desk.used("team")], [3, 3]);
    assert.equal(desk.take({ key: 7 }).admitted, true);
  });

  it("adds up what it takes of the same limit", () => {
    const desk = new Desk();
    desk.define("key", 10);
    assert.equal(desk.take([["key", 6], ["key", 6]]).admitted, false);
    assert.equal(desk.take([["key", 6], ["key", 4]]).admitted, true);
    assert.equal(desk.used("key"), 10);
  });

  it("throws for amounts that are none, and takes nothing", () => {
    const desk = new Desk();
    desk.define("key", 10);
    for (const amount of [-1, 0.5, NaN, Infinity]) {
      const items = [{ limit: "key", amount: 5 * UNIT }, { limit: "key", amount }];
      assert.throws(() => desk.limits.consume(items, 0, START), RangeError);
    }
    assert.equal(desk.take({ key: 10 }).admitted, true);
  });

  it("is refused for a limit that is not known, and by 0 asks whether anything is left", () => {
    const desk = new Desk();
    desk.define("key", 1);
    assert.equal(desk.take({ key: 1, other: 1 }).reason, "unknown-limit");
    assert.equal(desk.take({ key: 0 }).admitted, true);
    desk.take({ key: 1 });
    assert.equal(desk.take({ key: 0 }).reason, "limit");
  });
});

describe("windows", () => {
  it("begin anew at their end, and retryAfterMs says when", () => {
    const desk = new Desk();
    desk.define("key", 2);
    desk.take({ key: 2 });
    desk.now = 600_000;
    assert.equal(desk.take({ key: 1 }).retryAfterMs, 3_000_000);
    desk.now = 3_600_000;
    assert.equal(desk.take({ key: 1 }).admitted, true);
    assert.equal(desk.used("key"), 1);
  });

  it("never go back with the clock", () => {
    const desk = new Desk();
    desk.define("key", 2);
    desk.limits.consume([{ limit: "key", amount: UNIT }], 0, START + 3_600_000);
    const view = desk.limits.read("key", 1, START);
    assert.deepEqual([view?.window, view?.used], ["1h/+1", UNIT]);
  });

  it("that roll free themselves bit by bit, to a sixtieth", () => {
    const desk = new Desk();
    desk.define("key", 60, { window: "1m", rolling: true });
    for (let second = 0; second < 60; second++) {
      desk.now = second * 1_000;
      assert.equal(desk.take({ key: 1 }).admitted, true, `second ${second}`);
    }
    const refused = desk.take({ key: 2 });
    assert.deepEqual([refused.reason, refused.retryAfterMs], ["limit", 3_000]);
    desk.now += refused.retryAfterMs;
    assert.equal(desk.take({ key: 2 }).admitted, true);
    assert.equal(desk.take({ key: 1 }).admitted, false);
    desk.now += 200_000;
    assert.equal(desk.used("key"), 0);
  });

  it("hear what others took in a window that began there first", () => {
    const desk = new Desk(["b"]);
    desk.define("key", 100);
    desk.hear("b", "key", 30, { window: "1h/+1" });
    assert.equal(desk.used("key"), 0);
    desk.flush();
    desk.now = 3_600_000;
    assert.equal(desk.used("key"), 30);
    const replay = desk.flush().find(({ type }) => type === "replayCells");
    assert.ok(replay?.type === "replayCells" && replay.prefix.includes("1h/+1"));
  });
});

describe("reservations", () => {
  it("settle for less, for more, or give all back, once", () => {
    const desk = new Desk();
    desk.define("key", 100);
    const settle = (id: number, units: number) =>
      desk.limits.settle(id, [units * UNIT], desk.now, desk.wall);
    const less = desk.take({ key: 10 }, 1_000).reservation;
    const more = desk.take({ key: 10 }, 1_000).reservation;
    const none = desk.take({ key: 10 }, 1_000).reservation;
    assert.equal(settle(less, 4), "settled");
    assert.equal(settle(less, 4), "unknown");
    assert.equal(settle(more, 25), "settled");
    assert.equal(desk.limits.refund(none, desk.now, desk.wall), "settled");
    assert.equal(desk.limits.refund(none, desk.now, desk.wall), "unknown");
    assert.equal(desk.used("key"), 29);
  });

  it("stand at their estimate after their time", () => {
    const desk = new Desk();
    desk.define("key", 100);
    const id = desk.take({ key: 10 }, 1_000).reservation;
    desk.now = 1_000;
    assert.equal(desk.limits.settle(id, [UNIT], desk.now, desk.wall), "unknown");
    assert.equal(desk.used("key"), 10);
    assert.equal(desk.limits.counters.timedOut, 1);
  });

  it("belong to the window in which they were made", () => {
    const desk = new Desk();
    desk.define("key", 100);
    const id = desk.take({ key: 10 }, 60_000).reservation;
    desk.now = 3_599_990;
    const late = desk.take({ key: 10 }, 60_000).reservation;
    desk.now = 3_600_010;
    desk.take({ key: 7 });
    desk.flush();
    assert.equal(desk.limits.settle(late, [UNIT], desk.now, desk.wall), "settled");
    assert.equal(desk.used("key"), 7);
    desk.now += 100;
    const written = desk.flush().filter((effect) => effect.type === "writeCell");
    assert.ok(written.some(({ key }) => key.includes("1h/+0")));
    assert.equal(desk.limits.settle(id, [UNIT], desk.now, desk.wall), "unknown");
  });

  it("above their estimate make a debt that refuses what follows and is told once", () => {
    const desk = new Desk();
    desk.define("key", 10);
    const id = desk.take({ key: 10 }, 1_000).reservation;
    desk.limits.settle(id, [25 * UNIT], desk.now, desk.wall);
    assert.equal(desk.take({ key: 1 }).reason, "limit");
    const told = desk.events().filter(({ type }) => type === "debt");
    assert.deepEqual(told, [
      { type: "debt", limit: "key", window: "1h/+0", used: 25 * UNIT, of: 10 * UNIT },
    ]);
    assert.equal(desk.limits.read("key", desk.now, desk.wall)?.remaining, 0);
  });

  it("are bounded in number", () => {
    const desk = new Desk([], { reservationsMax: 2 });
    desk.define("key", 100);
    desk.take({ key: 1 }, 1_000);
    desk.take({ key: 1 }, 1_000);
    assert.equal(desk.take({ key: 1 }, 1_000).reason, "reservations");
    assert.equal(desk.take({ key: 1 }).admitted, true);
    assert.equal(desk.used("key"), 3);
  });

  it("of a rolling limit give back where they took", () => {
    const desk = new Desk();
    desk.define("key", 100, { window: "1m", rolling: true });
    const id = desk.take({ key: 10 }, 300_000).reservation;
    const later = desk.take({ key: 5 }, 300_000).reservation;
    desk.now = 30_000;
    desk.limits.settle(later, [0], desk.now, desk.wall);
    assert.equal(desk.used("key"), 10);
    desk.now = 100_000;
    desk.limits.settle(id, [90 * UNIT], desk.now, desk.wall);
    assert.equal(desk.used("key"), 0);
  });
});

describe("definitions", () => {
  it("change without losing counts", () => {
    const desk = new Desk();
    desk.define("key", 10);
    desk.take({ key: 8 });
    desk.define("key", 20);
    assert.equal(desk.used("key"), 8);
    assert.equal(desk.take({ key: 12 }).admitted, true);
    desk.define("key", 5);
    assert.equal(desk.take({ key: 1 }).admitted, false);
    assert.equal(desk.used("key"), 20);
  });

  it("that go and come back go on where their column stood", () => {
    const desk = new Desk();
    desk.define("key", 10);
    desk.take({ key: 8 });
    desk.give({ type: "definition", id: "key", value: undefined });
    assert.equal(desk.take({ key: 1 }).reason, "unknown-limit");
    desk.define("key", 10);
    assert.equal(desk.used("key"), 8);
    desk.define("key", 10, { window: "1d" });
    assert.equal(desk.used("key"), 0);
    desk.define("key", 10);
    assert.equal(desk.used("key"), 8);
  });

  it("made anew after a deletion count from 0", () => {
    const desk = new Desk();
    desk.define("key", 10);
    desk.take({ key: 8 });
    desk.give({ type: "definition", id: "key", value: undefined });
    desk.define("key", 10, { created: `${START + 1}.0.a` });
    assert.equal(desk.used("key"), 0);
    desk.hear("b", "key", 5);
    assert.equal(desk.used("key"), 0);
  });

  it("that can't be used are told, and refuse", () => {
    const desk = new Desk();
    desk.define("key", 10);
    desk.define("key", 10, { strength: "leased" });
    const [event] = desk.events();
    assert.ok(event?.type === "refusedDefinition" && event.problem.includes('"leased"'));
    assert.equal(desk.take({ key: 1 }).reason, "unknown-limit");
  });

  it("in shadow mode count and admit anyway", () => {
    const desk = new Desk();
    desk.define("key", 1, { shadow: true });
    desk.define("team", 10);
    desk.take({ key: 1, team: 1 });
    const over = desk.take({ key: 1, team: 1 });
    assert.deepEqual([over.admitted, over.shadowed], [true, 1]);
    assert.deepEqual([desk.used("key"), desk.used("team")], [2, 2]);
  });

  it("tell once per window that the limit is near", () => {
    const desk = new Desk();
    desk.define("key", 10, { nearRatio: 0.5 });
    desk.take({ key: 4 });
    assert.equal(desk.events().length, 0);
    desk.take({ key: 1 });
    desk.take({ key: 1 });
    assert.deepEqual(desk.events().map(({ type }) => type), ["near"]);
    desk.now = 3_600_000;
    desk.take({ key: 6 });
    assert.deepEqual(desk.events().map(({ type }) => type), ["near"]);
  });
});

describe("cells", () => {
  it("are merged in any order, any number of times", () => {
    const desk = new Desk(["b", "c"]);
    desk.define("key", 1_000);
    const words = [1, 2, 3, 4].map((word) => ({ node: "b", word, units: word * 10 }))
      .concat([1, 2, 3].map((word) => ({ node: "c", word, units: word })));
    const rng = new Rng(5);
    for (let i = 0; i < 20; i++) {
      for (const { node, word, units } of rng.shuffle([...words])) {
        desk.hear(node, "key", units, { word });
      }
    }
    assert.equal(desk.used("key"), 43);
  });

  it("are written at once after a pause, then together, with all that changed", () => {
    const desk = new Desk();
    desk.define("key", 1_000);
    desk.flush();
    desk.now = 1_000;
    desk.take({ key: 1 });
    assert.equal(desk.limits.nextDeadline(), 1_000);
    assert.equal(desk.flush().length, 1);
    for (desk.now = 1_001; desk.now < 1_019; desk.now++) desk.take({ key: 1 });
    assert.equal(desk.limits.nextDeadline(), 1_020);
    assert.equal(desk.flush().length, 0);
    desk.now = 1_020;
    assert.equal(desk.flush().length, 1);
    assert.equal(desk.limits.nextDeadline(), undefined);
  });

  it("are written a bounded number at a time, the first changed first", () => {
    const desk = new Desk([], { cellsPerFlush: 10 });
    for (let i = 0; i < 25; i++) desk.define(`key-${i}`, 10);
    desk.flush();
    desk.now = 1_000;
    for (let i = 0; i < 25; i++) desk.take({ [`key-${i}`]: 1 });
    const sizes: number[] = [];
    for (let i = 0; i < 3; i++) {
      sizes.push(desk.flush().length);
      desk.now += 20;
    }
    assert.deepEqual(sizes, [10, 10, 5]);
  });

  it("that say nothing, and our own, change nothing", () => {
    const desk = new Desk(["b"]);
    desk.define("key", 1_000);
    desk.take({ key: 3 });
    desk.hear("a", "key", 500, { word: 99 });
    desk.hear("b", "key", 500, { created: "1.0.z" });
    desk.hear("b", "key", 500, { window: "1h/+7" });
    const rng = new Rng(6);
    for (let i = 0; i < 2_000; i++) {
      const bytes = Uint8Array.from({ length: rng.below(30) }, () => rng.below(256));
      desk.give({ type: "cell", key: String.fromCharCode(...bytes), bytes });
    }
    assert.equal(desk.used("key"), 3);
    assert.equal(desk.limits.counters.cellsMalformed, 2_000);
  });
});

describe("among others", () => {
  it("takes no more than announced before the others have heard", () => {
    const desk = new Desk(["b"]);
    desk.define("key", 80);
    assert.equal(desk.take({ key: 10 }).admitted, true);
    const more = desk.take({ key: 1 });
    assert.deepEqual([more.reason, more.retryAfterMs], ["unheard", 25]);
    desk.flush(false);
    assert.equal(desk.take({ key: 1 }).reason, "unheard");
    desk.now = 100;
    for (const effect of desk.flush(false)) assert.notEqual(effect.type, "writeCell");
    desk.give({
      type: "settled",
      key: cellKey({ limit: "key", created: CREATED, window: "1h/+0", node: "a", boot: "1" }),
      word: 1,
    });
    assert.equal(desk.take({ key: 8 }).admitted, true);
  });

  it("lets a call through that is a little larger than what is left of what was announced", () => {
    const desk = new Desk(["b"]);
    desk.define("key", 80);
    assert.equal(desk.take({ key: 15 }).reason, "unheard");
    desk.flush();
    assert.equal(desk.take({ key: 15 }).admitted, true);
  });

  it("lets a call larger than usual through once the others know of it", () => {
    const desk = new Desk(["b"]);
    desk.define("key", 80);
    assert.equal(desk.take({ key: 30 }).reason, "unheard");
    desk.flush();
    assert.equal(desk.take({ key: 30 }).admitted, true);
    const other = new Desk(["b"]);
    other.define("key", 80, { largestCall: 30 });
    assert.equal(other.take({ key: 30 }).admitted, true);
  });

  it("near the limit takes its share of what is left", () => {
    const desk = new Desk(["b", "c", "d"]);
    desk.define("key", 100);
    for (const node of ["b", "c", "d"]) desk.hear(node, "key", 32, { burst: 1 });
    desk.now = 5_000;
    for (const node of ["b", "c", "d"]) desk.touch(node);
    let taken = 0;
    for (let i = 0; i < 20 && taken < 4; i++) {
      if (desk.take({ key: 1 }).admitted) taken++;
      desk.flush();
      desk.now += 20;
    }
    assert.equal(taken, 4);
    assert.equal(desk.take({ key: 1 }).reason, "limit");
  });

  it("says what may be unseen: announced by those in touch, all that is left by the others", () => {
    const desk = new Desk(["b", "c"]);
    desk.define("key", 100);
    desk.hear("b", "key", 20, { burst: 3 });
    desk.hear("c", "key", 10, { burst: 2 });
    const unseen = () => (desk.limits.read("key", desk.now, desk.wall)?.unseenMax ?? NaN) / UNIT;
    assert.equal(unseen(), 5);
    desk.now = 4_000;
    desk.touch("b");
    desk.now = 5_000;
    assert.equal(unseen(), 3 + 90);
    assert.equal(desk.limits.read("key", desk.now, desk.wall)?.stalenessMs, 5_000);
  });

  it("isolated, does what the limit says", () => {
    const members = ["a", "b", "c"].map((node) => ({ node, boot: "1" }));
    const taken = (whenIsolated: string): number => {
      const desk = new Desk(["b", "c"]);
      desk.define("key", 90, { whenIsolated });
      desk.give({ type: "members", members, alive: members.slice(0, 1) });
      let units = 0;
      for (let i = 0; i < 200; i++) {
        if (desk.take({ key: 1 }).admitted) units++;
        desk.flush();
        desk.now += 20;
      }
      return units;
    };
    assert.equal(taken("deny"), 0);
    assert.equal(taken("share"), 30);
    assert.equal(taken("limit"), 90);
  });

  it("half of the members is isolated, more than half is not", () => {
    const four = ["a", "b", "c", "d"].map((node) => ({ node, boot: "1" }));
    const desk = new Desk();
    desk.define("key", 90);
    desk.give({ type: "members", members: four, alive: four.slice(0, 2) });
    assert.equal(desk.take({ key: 1 }).reason, "isolated");
    desk.give({ type: "members", members: four, alive: four.slice(0, 3) });
    assert.equal(desk.take({ key: 1 }).admitted, true);
  });

  it("before its first sync refuses, whatever the limit says of isolation", () => {
    const limits = new Limits({ node: "a", boot: "1", calendar: { window: () => undefined } });
    const members = [{ node: "a", boot: "1" }];
    limits.handle({ type: "members", members, alive: members }, 0, []);
    const value = {
      limit: 9,
      window: "1h",
      strength: "approximate",
      whenIsolated: "limit",
      created: CREATED,
    };
    limits.handle({ type: "definition", id: "key", value }, 0, []);
    const items = [{ limit: "key", amount: UNIT }];
    assert.equal(limits.consume(items, 0, START).reason, "not-ready");
    limits.handle({ type: "ready" }, 1, []);
    assert.equal(limits.consume(items, 1, START + 1).admitted, true);
  });

  it("leaving, says its last word and takes nothing more", () => {
    const desk = new Desk(["b"]);
    desk.define("key", 90);
    desk.take({ key: 2 });
    desk.flush();
    const id = desk.take({ key: 3 }, 10_000).reservation;
    desk.effects.length = 0;
    desk.give({ type: "leave" });
    assert.ok(desk.effects.some(({ type }) => type === "writeCell"));
    assert.equal(desk.take({ key: 1 }).reason, "leaving");
    assert.equal(desk.limits.settle(id, [0], desk.now, desk.wall), "unknown");
    assert.equal(desk.used("key"), 5);
  });
});

describe("options", () => {
  it("that can't work are refused", () => {
    const calendar = { window: () => undefined };
    const make = (more: object) => () => new Limits({ node: "a", boot: "1", calendar, ...more });
    for (const more of [{ flushMs: -1 }, { cellsPerFlush: 0 }, { dropMs: NaN }, { boot: "" }]) {
      assert.throws(make(more), RangeError);
    }
  });
});

describe("many calls", () => {
  it("count exactly what was admitted, however they are decided", () => {
    const rng = new Rng(11);
    for (let run = 0; run < 30; run++) {
      const desk = new Desk();
      const caps: Record<string, number> = { x: 40 + rng.below(60), y: 40 + rng.below(60), z: 500 };
      for (const [id, cap] of Object.entries(caps)) desk.define(id, cap, { rolling: id === "z" });
      const used: Record<string, number> = { x: 0, y: 0, z: 0 };
      const near = new Set<string>();
      for (let i = 0; i < 300; i++) {
        desk.now += rng.below(30);
        if (rng.chance(0.2)) desk.flush();
        const items = rng.shuffle(["x", "y", "z", "x"]).slice(0, 1 + rng.below(4))
          .map((id): [string, number] => [id, rng.below(4)]);
        const asked: Record<string, number> = {};
        for (const [id, units] of items) asked[id] = (asked[id] ?? 0) + units;
        const fits = items.every(([id, units]) =>
          (used[id] as number) + (asked[id] as number) <= (caps[id] as number) &&
          (units > 0 || (used[id] as number) < (caps[id] as number) || (asked[id] as number) > 0)
        );
        assert.equal(desk.take(items).admitted, fits, `${JSON.stringify({ items, used, caps })}`);
        if (fits) {
          for (const [id, units] of items) used[id] = (used[id] as number) + units;
        }
        for (const event of desk.events()) if (event.type === "near") near.add(event.limit);
        for (const [id, cap] of Object.entries(caps)) {
          assert.equal(near.has(id), (used[id] as number) >= cap * 0.8, `near ${id}`);
          assert.equal(desk.used(id), used[id]);
        }
      }
    }
  });
});
