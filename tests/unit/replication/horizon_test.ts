import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AgreedTable, GRAVES_MAX } from "../../../src/core/replication/agreed.ts";
import { Claims } from "../../../src/core/replication/claims.ts";
import type { StoredEntry } from "../../../src/core/replication/entry.ts";
import { Rng } from "../../../src/core/rng.ts";
import { alone, encoded } from "./alone.ts";
import { EPOCH } from "./net.ts";
import { planted } from "./plant.ts";
import { HOUR, readyCluster } from "./scenarios.ts";

const NAMES = ["a", "b", "c", "d"];

function entry(boot: string, number: number, key = "k"): StoredEntry {
  const version = { wallMs: 1, logic: 0, origin: "o", boot };
  return { type: "t", key, version, number, deleted: false, bytes: new Uint8Array(0) };
}

/**
 * Random partitions, some longer than deletes are remembered, broken links and newcomers, under writes and deletes; each
 * key is written once, and deleted at most once, by somebody who has it. Afterwards exactly what was not deleted is there.
 */
function apart(seed: number): void {
  const dice = new Rng(seed);
  const net = readyCluster(NAMES, seed, { ...HOUR, batchBytesMax: 2_048, windowBatches: 2 });
  const names = [...NAMES];
  const any = () => names[dice.below(names.length)] as string;
  const live = new Set<string>();
  const gone = new Set<string>();
  let written = 0;
  const write = () => {
    const key = `k${written++}`;
    net.set(any(), "team", key, "x".repeat(dice.below(300)));
    live.add(key);
  };
  const remove = () => {
    const name = any();
    const held = [...live].filter((key) => net.text(name, "team", key) !== undefined);
    const key = held[dice.below(held.length)];
    if (key === undefined) return;
    net.delete(name, "team", key);
    live.delete(key);
    gone.add(key);
  };
  for (let round = 0; round < 8; round++) {
    for (let i = dice.below(60); i > 0; i--) write();
    net.runFor(dice.between(0, 60));
    if (dice.chance(0.3)) net.flap(20);
    if (dice.chance(0.3)) net.runFor(40_000);
    const [left, right] = [[] as string[], [] as string[]];
    for (const name of names) (dice.chance(0.5) ? left : right).push(name);
    net.cut(left, right);
    net.runFor(dice.between(0, 3_000));
    for (let i = dice.below(20); i > 0; i--) remove();
    for (let i = dice.below(20); i > 0; i--) write();
    net.runFor(dice.chance(0.7) ? 2 * 3_600_000 : dice.between(0, 60_000));
    net.heal();
    net.runFor(dice.between(0, 4_000));
    if (names.length < 6 && dice.chance(0.2)) {
      const name = `n${round}`;
      net.start(name);
      names.push(name);
      net.runUntil("it is ready", () => net.node(name).machine.synced, 60_000);
    }
  }
  net.runUntil("the stores are equal", () => net.converged(), 300_000);
  for (const key of gone) assert.equal(net.text("a", "team", key), undefined, `${key} is back`);
  for (const key of live) assert.notEqual(net.text("a", "team", key), undefined, `${key} is lost`);
}

function seeds(run: (seed: number) => void, count: number): void {
  const first = Number(globalThis.process?.env["SEED"] ?? 1);
  const many = Number(globalThis.process?.env["SEEDS"] ?? count);
  for (let seed = first; seed < first + many; seed++) {
    try {
      run(seed);
    } catch (error) {
      throw new Error(`replay with SEED=${seed} SEEDS=1`, { cause: error });
    }
  }
}

describe("beyond the horizon", () => {
  it("exactly what was not deleted is there, after random partitions", () => {
    seeds(apart, 10);
  });

  it("that check notices rows nobody may have, and values nobody remembers", () => {
    const wrong = { number: 1_000_000, agreed: [] };
    const right = Claims.prototype.take;
    const early: Claims["take"] = function (this: Claims) {
      return right.call(this) && wrong;
    };
    planted(Claims.prototype, "take", early, () => assert.throws(() => seeds(apart, 3)));
    planted(
      AgreedTable.prototype,
      "bury",
      () => {},
      () => assert.throws(() => seeds(apart, 10)),
    );
    planted(
      AgreedTable.prototype,
      "covers",
      () => false,
      () => assert.throws(() => seeds(apart, 3)),
    );
  });
});

describe("the table of agreed numbers", () => {
  it("covers what a row, our own numbers or a grave speak of, and nothing without a number", () => {
    const table = new AgreedTable("me");
    table.raise("b", 5);
    table.raise("b", 3);
    table.raise("me", 99);
    table.ownNumber = 2;
    table.bury(entry("b", 8));
    const covered = [entry("b", 5), entry("b", 8), entry("me", 2)];
    const open = [
      entry("b", 6),
      entry("b", 8, "other"),
      entry("me", 3),
      entry("c", 1),
      entry("b", 0),
    ];
    assert.deepEqual(covered.map((each) => table.covers(each)), [true, true, true]);
    assert.deepEqual(open.map((each) => table.covers(each)), [false, false, false, false, false]);
    assert.deepEqual([...table.rows()], [{ boot: "b", number: 5 }, { boot: "me", number: 2 }]);
  });

  it("tells rows in pieces, and those that change later again later", () => {
    const table = new AgreedTable("me");
    for (let i = 0; i < 1_500; i++) table.raise(`b${i}`, 1);
    const upTo = table.revision;
    table.raise("b7", 2);
    const first = table.changed(0, upTo);
    const second = table.changed(first.reached, upTo);
    assert.deepEqual([first.rows.length, second.rows.length, second.reached], [1_024, 475, 1_500]);
    assert.deepEqual(table.changed(upTo, table.revision).rows, [{ boot: "b7", number: 2 }]);
  });

  it("is bounded, the quietest boots and the oldest graves go first", () => {
    const table = new AgreedTable("me");
    for (let i = 0; i < 65_536; i++) table.raise(`b${i}`, 1);
    table.raise("b0", 2);
    table.raise("new", 1);
    assert.deepEqual([table.covers(entry("b0", 2)), table.covers(entry("b1", 1))], [true, false]);
    for (let i = 0; i <= GRAVES_MAX; i++) table.bury(entry("dead", i + 1));
    assert.equal(table.covers(entry("dead", 1)), false);
    assert.equal(table.covers(entry("dead", 2)), true);
  });
});

describe("claims of a peer", () => {
  const batch = (sequence: number, number: number, ...entries: Uint8Array[]) => ({
    case: "batch",
    value: { sequence, entries, snapshotEnd: false, number, agreed: [{ boot: "x", number: 3 }] },
  } as const);

  it("are believed unless something was refused on the stream", () => {
    const { machine, greet, say } = alone();
    greet();
    say(batch(1, 4, encoded("k", EPOCH, { number: 4 })));
    assert.deepEqual([...machine.agreed.rows()], [
      { boot: "9", number: 4 },
      { boot: "x", number: 3 },
    ]);
    say(batch(2, 7, encoded("future", EPOCH + 90_000, { number: 7 })));
    say(batch(3, 8));
    assert.deepEqual([...machine.agreed.rows()][0], { boot: "9", number: 4 });
  });

  it("let a value be refused that was seen and is not there", () => {
    const { machine, greet, say, deliver } = alone();
    greet();
    say(batch(1, 4));
    const ack = deliver(
      2,
      encoded("old", EPOCH, { number: 4 }),
      encoded("new", EPOCH, { number: 5 }),
    )
      .find((effect) => effect.type === "send");
    const { frame } = ack?.type === "send" ? ack.frame : assert.fail();
    assert.deepEqual(frame.case === "ack" && frame.value.refused, [
      { type: "team", key: "old", reason: "deleted" },
    ]);
    assert.deepEqual([machine.store.size, machine.counters.deletedOnArrival], [1, 1]);
  });
});
