import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Acknowledgers } from "../../../src/core/limits/acknowledgers.ts";
import { toMicros, toUnits } from "../../../src/core/limits/amounts.ts";
import { Announcement } from "../../../src/core/limits/announcement.ts";
import type { Calendar } from "../../../src/core/limits/calendar.ts";
import { CELL_BYTES_MAX, decodeCell, encodeCell } from "../../../src/core/limits/cell_codec.ts";
import { cellKey, parseCellKey, windowKeyPrefix } from "../../../src/core/limits/cell_key.ts";
import { resolveLimit, type StrengthName } from "../../../src/core/limits/definition.ts";
import { fairShare } from "../../../src/core/limits/fair_share.ts";
import { faded, Rate } from "../../../src/core/limits/rate.ts";
import { Ring } from "../../../src/core/limits/ring.ts";
import { parseWindowLength } from "../../../src/core/limits/window_length.ts";
import { Windows } from "../../../src/core/limits/windows.ts";
import { Rng } from "../../../src/core/rng.ts";

const UNIT = 1_000_000;

/** Knows UTC days and nothing else. */
const CALENDAR: Calendar = {
  window(length, zone, wallMs) {
    if (length !== "1d" || zone !== "UTC") return undefined;
    const startMs = Math.floor(wallMs / 86_400_000) * 86_400_000;
    const label = new Date(startMs).toISOString().slice(0, 10);
    return { label, startMs, endMs: startMs + 86_400_000 };
  },
};

describe("window lengths", () => {
  it("are read in minutes, hours, days, weeks, months of 30 and years of 365 days", () => {
    const minute = 60_000;
    const day = 1_440 * minute;
    const expected = { "1m": minute, "30m": 30 * minute, "1h": 60 * minute, "1d": day } as const;
    for (const [text, ms] of Object.entries(expected)) assert.equal(parseWindowLength(text), ms);
    assert.equal(parseWindowLength("1w"), 7 * day);
    assert.equal(parseWindowLength("1M"), 30 * day);
    assert.equal(parseWindowLength("10Y"), 3_650 * day);
  });

  it("are nothing else", () => {
    for (
      const text of ["", "1", "m", "0m", "01m", "1.5h", "-1h", "1s", "1H", "11Y", " 1m", "1m "]
    ) {
      assert.equal(parseWindowLength(text), undefined, text);
    }
  });
});

describe("windows", () => {
  it("count from the creation unless aligned, and have no absolute time in their ids", () => {
    const windows = new Windows(CALENDAR);
    const shape = { kind: "fixed", text: "1h", lengthMs: 3_600_000, anchorMs: 5_000 } as const;
    assert.deepEqual(windows.at(shape, 5_000 + 3_600_000 * 2), {
      id: "1h/+2",
      startMs: 5_000 + 3_600_000 * 2,
      endMs: 5_000 + 3_600_000 * 3,
    });
    assert.equal(windows.at(shape, 4_999)?.id, "1h/+-1");
    assert.equal(
      windows.at({ kind: "rolling", text: "1h", lengthMs: 3_600_000 }, 9)?.id,
      "1h/rolling",
    );
    const days = { kind: "calendar", text: "1d", zone: "UTC" } as const;
    assert.equal(windows.at(days, Date.UTC(2026, 2, 29, 5))?.id, "1d/UTC/2026-03-29");
  });

  it("ask the calendar once per window", () => {
    let asked = 0;
    const windows = new Windows({
      window: (...args) => (asked++, CALENDAR.window(...args)),
    });
    const days = { kind: "calendar", text: "1d", zone: "UTC" } as const;
    for (let i = 0; i < 1_000; i++) windows.at(days, i * 1_000);
    assert.equal(asked, 1);
  });
});

describe("keys of cells", () => {
  it("come back as they went, whatever names hold", () => {
    const parts = ["a", "|", "%", "%7C", "a|b", "%25|", "æ|水", "1d/Europe/Oslo/2026-03-29"];
    const rng = new Rng(1);
    const any = () => parts[rng.below(parts.length)] as string;
    for (let i = 0; i < 500; i++) {
      const address = { limit: any(), created: any(), window: any(), node: any(), boot: any() };
      const key = cellKey(address);
      assert.deepEqual(parseCellKey(key), address);
      assert.ok(key.startsWith(windowKeyPrefix(address.limit, address.created, address.window)));
    }
  });

  it("are nothing else", () => {
    for (const key of ["", "a|b|c|d", "a|b|c|d|e|f", "a|b||d|e", "a|b|c|d|%41", "a|b|c|d|%"]) {
      assert.equal(parseCellKey(key), undefined, key);
    }
  });
});

describe("bytes of cells", () => {
  it("hold every whole number exactly", () => {
    const most = Number.MAX_SAFE_INTEGER;
    for (const total of [0, 1, 127, 128, 2 ** 31, 2 ** 32 + 1, most]) {
      const word = {
        word: 1,
        total,
        burst: most - total,
        rate: 3,
        parts: [{ index: 0, added: total, removed: Math.floor(total / 2) }],
      };
      assert.deepEqual(decodeCell(encodeCell(word)), word);
    }
  });

  it("hold the whole ring of a rolling limit within their bound", () => {
    const parts = Array.from({ length: 63 }, (_, i) => ({
      index: 2 ** 40 + i,
      added: 2 ** 46 + i,
      removed: 2 ** 45,
    }));
    const total = parts.reduce((sum, { added }) => sum + added, 0);
    const word = { word: 9, total, burst: 5, rate: 2 ** 50, parts };
    const bytes = encodeCell(word);
    assert.ok(bytes.length <= CELL_BYTES_MAX);
    assert.deepEqual(decodeCell(bytes), word);
  });

  it("are refused when cut, longer, or untrue", () => {
    const word = {
      word: 3,
      total: 300,
      burst: 2,
      rate: 1,
      parts: [{ index: 0, added: 300, removed: 7 }],
    };
    const bytes = encodeCell(word);
    for (let i = 0; i < bytes.length; i++) assert.equal(decodeCell(bytes.slice(0, i)), undefined);
    assert.equal(decodeCell(Uint8Array.of(...bytes, 0)), undefined);
    assert.equal(decodeCell(new Uint8Array(CELL_BYTES_MAX + 1)), undefined);
    const lies = [
      { ...word, parts: [{ index: 0, added: 300, removed: 301 }] },
      { ...word, total: 299 },
      { ...word, word: 0 },
    ];
    for (const lie of lies) assert.equal(decodeCell(encodeCell(lie)), undefined);
  });

  it("never make the decoder throw", () => {
    const rng = new Rng(2);
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from(
        { length: rng.below(40) },
        (_, at) => at === 0 ? 1 : rng.below(256),
      );
      decodeCell(bytes);
    }
  });
});

describe("fair shares", () => {
  it("add up to what is left, for any weights", () => {
    const rng = new Rng(3);
    for (let i = 0; i < 2_000; i++) {
      const weights = Array.from(
        { length: 1 + rng.below(7) },
        () => rng.chance(0.3) ? 0 : rng.below(90),
      );
      const left = rng.below(20 * UNIT);
      const sum = weights.reduce((total, _, me) => total + fairShare(left, weights, me), 0);
      assert.equal(sum, left, `${left} by ${weights}`);
    }
  });

  it("are whole units by largest remainder, ties to the first", () => {
    const all = (left: number, weights: number[]) =>
      weights.map((_, me) => fairShare(left, weights, me) / UNIT);
    assert.deepEqual(all(3 * UNIT, [1, 1, 1, 1, 1]), [1, 1, 1, 0, 0]);
    assert.deepEqual(all(10 * UNIT, [3, 1]), [8, 2]);
    assert.deepEqual(all(7 * UNIT, [0, 5, 0]), [0, 7, 0]);
    assert.deepEqual(all(2 * UNIT, [0, 0]), [1, 1]);
    assert.deepEqual(all(0, [1, 1]), [0, 0]);
    assert.deepEqual(all(1.5 * UNIT, [1, 1]), [1, 0.5]);
  });
});

describe("rates", () => {
  it("come near what is asked for, and fade", () => {
    const rate = new Rate();
    let now = 0;
    for (; now < 20_000; now += 50) {
      rate.note(5);
      rate.at(now);
    }
    assert.ok(Math.abs(rate.at(now) - 100) <= 5, `${rate.at(now)}`);
    assert.ok(rate.at(now + 60_000) < 5);
    assert.equal(faded(80, 999), 80);
    assert.equal(faded(80, 3_000), 10);
    assert.equal(faded(80, Infinity), 0);
  });
});

describe("a ring of sub-windows", () => {
  it("keeps order whatever the order of arrival, and lets the old go", () => {
    const ring = new Ring();
    for (const index of [5, 3, 9, 4, 3]) ring.add(index, 10, 1);
    assert.deepEqual(ring.parts().map(({ index }) => index), [3, 4, 5, 9]);
    assert.equal(ring.usedAt(3), 18);
    assert.equal(ring.used(), 45);
    ring.forget(5);
    assert.equal(ring.used(), 18);
    ring.merge({ index: 9, added: 4, removed: 5 });
    assert.deepEqual(ring.parts().at(-1), { index: 9, added: 10, removed: 5 });
    for (let i = 0; i < 500; i++) ring.add(10 + i, 1, 0);
    assert.equal(ring.parts().length, 63);
  });
});

describe("an announcement", () => {
  it("counts only once everybody knows it", () => {
    const own = new Announcement(10);
    own.speak(1, 8, 20);
    assert.equal(own.usable, 10);
    own.speak(2, 9, 25);
    own.settled(1);
    assert.equal(own.usable, 20);
    assert.equal(own.knownTotal, 8);
    own.speak(3, 15, 30);
    own.settled(2);
    assert.equal(own.usable, 20);
    own.settled(3);
    assert.equal(own.usable, 30);
  });

  it("binds at once when it is lowered", () => {
    const own = new Announcement(10);
    own.speak(1, 0, 50);
    own.speak(2, 5, 8);
    assert.equal(own.usable, 8);
    own.settled(1);
    assert.equal(own.usable, 8);
  });
});

describe("acknowledgers", () => {
  const made = () => {
    const settled: string[] = [];
    const acks = new Acknowledgers(1_000, (key, word) => settled.push(`${key}${word}`));
    return { acks, settled };
  };

  it("settle at once when there is nobody to wait for", () => {
    const { acks, settled } = made();
    acks.wrote("k", 1);
    assert.deepEqual(settled, ["k1"]);
  });

  it("are waited for, each of them, once counted", () => {
    const { acks, settled } = made();
    assert.equal(acks.asked("p", 0), true);
    assert.equal(acks.asked("q", 0), true);
    acks.wrote("k", 1);
    acks.wrote("k", 2);
    acks.acked("p", "k", 2);
    assert.deepEqual(settled, []);
    acks.acked("q", "k", 1);
    acks.acked("q", "k", 1);
    acks.acked("q", "k", 2);
    assert.deepEqual(settled, ["k1", "k2"]);
  });

  it("are not counted before they know what is relied on", () => {
    const { acks } = made();
    acks.wrote("k", 4);
    assert.equal(acks.asked("late", 0), false);
    acks.acked("late", "k", 9);
    assert.equal(acks.asked("late", 0), false);
    acks.acked("late", "k", 4);
    assert.equal(acks.asked("late", 0), true);
    const other = made().acks;
    other.wrote("k", 4);
    other.synced("late");
    assert.equal(other.asked("late", 0), true);
  });

  it("are dropped when they have not asked for long, and settle what waited for them", () => {
    const { acks, settled } = made();
    acks.asked("p", 0);
    acks.wrote("k", 1);
    assert.equal(acks.next(), 1_000);
    acks.expire(999);
    assert.deepEqual(settled, []);
    acks.expire(1_000);
    assert.deepEqual(settled, ["k1"]);
    assert.equal(acks.asked("p", 1_001), false);
    acks.forgetCell("k");
    assert.equal(acks.asked("p", 1_002), true);
  });
});

describe("amounts", () => {
  it("are whole micro-units", () => {
    assert.equal(toMicros(0.1) as number + (toMicros(0.2) as number), toMicros(0.3));
    assert.equal(toUnits(1_500_000), 1.5);
    for (const bad of [-1, NaN, Infinity, 4_000_000_001]) assert.equal(toMicros(bad), undefined);
  });
});

describe("definitions", () => {
  const checks = {
    windows: new Windows(CALENDAR),
    strengths: new Set<StrengthName>(["approximate"]),
  };
  const good = {
    limit: 100,
    window: "1h",
    strength: "approximate",
    whenIsolated: "deny",
    created: "1700000000000.0.a",
  };
  const problem = (change: Record<string, unknown>): string => {
    const resolution = resolveLimit("cap", { ...good, ...change }, checks);
    assert.equal(resolution.ok, false, JSON.stringify(change));
    return resolution.ok ? "" : resolution.problem;
  };

  it("get their defaults", () => {
    const resolution = resolveLimit("cap", { ...good, someday: "new" }, checks);
    assert.deepEqual(resolution.ok && resolution.limit, {
      id: "cap",
      created: good.created,
      limit: 100 * UNIT,
      shape: { kind: "fixed", text: "1h", lengthMs: 3_600_000, anchorMs: 1_700_000_000_000 },
      strength: "approximate",
      unit: "requests",
      whenIsolated: "deny",
      shadow: false,
      nearAt: 80 * UNIT,
      largestCall: UNIT,
    });
  });

  it("are refused with one sentence that says what is allowed", () => {
    assert.match(
      problem({ strength: "owner" }),
      /strength is "owner", this node can keep "approximate"$/,
    );
    assert.match(
      problem({ strength: "leased" }),
      /set cluster_config\.expected_nodes on every node/,
    );
    assert.match(problem({ strength: "strong" }), /allowed are "approximate", "leased", "owner"$/);
    assert.match(
      problem({ whenIsolated: undefined }),
      /whenIsolated is missing, allowed are "share"/,
    );
    assert.match(problem({ window: "1s" }), /window is "1s"/);
    assert.match(problem({ window: "2d", calendar: true }), /window is "2d", aligned/);
    assert.match(problem({ rolling: true, calendar: true }), /choose one$/);
    assert.match(problem({ zone: "UTC" }), /zone is set without "calendar"/);
    assert.match(problem({ window: "1d", calendar: true, zone: "Nowhere" }), /zone is "Nowhere"/);
    assert.match(problem({ limit: -1 }), /limit is -1/);
    assert.match(problem({ limit: "9" }), /limit is "9"/);
    assert.match(problem({ created: "yesterday" }), /created is "yesterday"/);
    assert.match(problem({ nearRatio: 2 }), /nearRatio is 2/);
    assert.match(problem({ shadow: 1 }), /shadow is 1/);
    for (const raw of [null, 7, [], "x"]) assert.equal(resolveLimit("cap", raw, checks).ok, false);
    assert.equal(resolveLimit("", good, checks).ok, false);
  });
});
