import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LedgerSlice, VoterList } from "../../../../src/core/limits/leased/contract.ts";
import type {
  AnswerItem,
  AskItem,
  LeasedMessage,
  Store,
  ToRoot,
} from "../../../../src/core/limits/leased/messages.ts";
import { shardOf } from "../../../../src/core/limits/rendezvous.ts";
import { Root } from "../../../../src/core/limits/leased/root.ts";
import type { RootEffect } from "../../../../src/core/limits/leased/root_world.ts";
import { Rng } from "../../../../src/core/rng.ts";
import { facts, list, members, row, slice, version, WINDOW_MS, windowAt } from "./fixtures.ts";

const SHARD = shardOf("cap");
const NAMES = ["a", "b", "c"];

/** A root on node a; the test plays the voters and the holders. */
class Stage {
  readonly root: Root;
  readonly out: LeasedMessage[] = [];
  now = 1_000;

  constructor(names: readonly string[] = NAMES, expectedNodes = 3) {
    const self = { node: "a", boot: "a.1", voter: "a.1" };
    this.root = new Root({ self, rng: new Rng(1), config: { expectedNodes } });
    this.hand({ type: "members", members: members(names) });
    this.hand({ type: "limit", limit: facts() });
    this.hand({ type: "owner", shard: SHARD, isOwner: true });
  }

  hand(input: Parameters<Root["handle"]>[0]): void {
    const out: RootEffect[] = [];
    this.root.handle(input, this.now, out);
    for (const { message } of out) this.out.push(message);
  }

  receive(message: ToRoot, from = "x"): void {
    this.hand({ type: "message", from, message });
  }

  of<T extends LeasedMessage["type"]>(type: T): Extract<LeasedMessage, { type: T }>[] {
    return this.out.filter((each) => each.type === type) as Extract<LeasedMessage, { type: T }>[];
  }

  /** The newest epoch it runs under. */
  get epoch() {
    const newest = this.out.findLast((each) => each.type === "prepare" || each.type === "store");
    assert.ok(newest?.type === "prepare" || newest?.type === "store");
    return newest.epoch;
  }

  promise(name: string, known?: VoterList, slices: readonly LedgerSlice[] = []): void {
    const voter = `${name}.1`;
    const message = { type: "promised", shard: SHARD, epoch: this.epoch, voter, slices } as const;
    this.receive(known === undefined ? message : { ...message, list: known });
  }

  /** The voter writes down what it was last sent. */
  store(name: string): void {
    const sent = this.of("store").findLast(({ voter }) => voter === `${name}.1`) as Store;
    this.receive({
      type: "stored",
      shard: SHARD,
      epoch: sent.epoch,
      voter: sent.voter,
      listNumber: sent.list.number,
      verdicts: sent.slices.map(({ limit, seq, window: { order } }) => ({
        limit,
        order,
        seq,
        verdict: "stored",
      })),
    });
  }

  ask(item: Partial<AskItem>, boot = "h.1"): void {
    const whole = {
      limit: "cap",
      want: 10,
      atLeast: 0,
      granted: 0,
      returned: 0,
      spent: 0,
      ...item,
    };
    this.receive({ type: "ask", boot, sentMs: this.now, items: [whole] }, "h");
  }

  get answers(): AnswerItem[] {
    return this.of("answer").flatMap(({ items }) => items);
  }

  /** In office with a list of all. */
  static inOffice(slices: readonly LedgerSlice[] = []): Stage {
    const stage = new Stage();
    stage.promise("a", list(NAMES), slices);
    stage.promise("b", list(NAMES), slices);
    assert.ok(stage.root.office(SHARD) !== undefined);
    return stage;
  }
}

describe("taking office", () => {
  it("makes the first list when enough are alive and every one of them knows none", () => {
    const stage = new Stage();
    stage.promise("a");
    stage.promise("b");
    assert.equal(stage.of("store").length, 0);
    stage.promise("c");
    assert.equal(stage.of("store").length, 3);
    stage.store("a");
    stage.store("b");
    assert.equal(stage.root.office(SHARD), undefined, "all of them must write it down");
    stage.store("c");
    assert.equal(stage.root.office(SHARD)?.list.voters.length, 3);
  });

  it("makes no first list among too few, or when one knows a list", () => {
    const few = new Stage(["a", "b"]);
    few.promise("a");
    few.promise("b");
    assert.equal(few.of("store").length, 0);
    const known = new Stage(["a", "d", "e"]);
    known.promise("d");
    known.promise("e");
    known.promise("a", list(NAMES));
    assert.equal(known.root.office(SHARD), undefined, "two of three voters are not there");
  });

  it("makes a list of the living when an operator forces it", () => {
    const stage = new Stage(["a", "d"]);
    stage.promise("a", list(NAMES), [slice(1_000, [row("h.1", 400)])]);
    stage.promise("d");
    assert.equal(stage.root.office(SHARD), undefined);
    stage.hand({ type: "force", shard: SHARD });
    stage.promise("a", list(NAMES), [slice(1_000, [row("h.1", 400)])]);
    stage.promise("d");
    stage.store("a");
    stage.store("d");
    const office = stage.root.office(SHARD);
    assert.deepEqual(office?.list.voters.map(({ id }) => id).sort(), ["a.1", "d.1"]);
    assert.equal(office?.books.get("cap")?.slices.get(0)?.rows.get("h.1")?.granted, 400);
  });

  it("asks on until the newest list it hears of is satisfied", () => {
    const stage = new Stage(["a", "b", "c", "d", "e"]);
    const newer = list(["c", "d", "e"], { number: 2, node: "c", boot: "c.1" });
    stage.promise("a", list(NAMES));
    stage.promise("c", newer);
    stage.promise("b", list(NAMES));
    assert.equal(stage.root.office(SHARD), undefined, "a majority of the older list is not enough");
    stage.promise("e", newer);
    assert.deepEqual(stage.root.office(SHARD)?.list.voters, newer.voters);
  });

  it("backs off from a later epoch and comes back above it", () => {
    const stage = new Stage();
    const promised = { number: 9, node: "b", boot: "b.1" };
    stage.receive({ type: "refused", shard: SHARD, epoch: stage.epoch, promised });
    assert.equal(stage.root.list(SHARD), undefined);
    stage.now += 1_000;
    stage.hand({ type: "tick" });
    assert.equal(stage.epoch.number, 10);
  });

  it("loses office to a later epoch", () => {
    const stage = Stage.inOffice();
    const promised = { number: 9, node: "b", boot: "b.1" };
    stage.receive({ type: "refused", shard: SHARD, epoch: stage.epoch, promised });
    assert.equal(stage.root.office(SHARD), undefined);
  });
});

describe("granting", () => {
  it("tells a holder after a quorum has written it down, not before", () => {
    const stage = Stage.inOffice();
    stage.ask({ want: 10 });
    stage.store("a");
    assert.equal(stage.answers.length, 0);
    stage.store("b");
    const [answer] = stage.answers;
    assert.ok(answer?.type === "granted");
    assert.equal(answer.granted, 10);
    assert.equal(answer.leftMs, windowAt(1_000).endMs - 1_000);
  });

  it("grants once for a question that comes twice", () => {
    const stage = Stage.inOffice();
    stage.ask({ want: 10 });
    stage.ask({ want: 10 });
    stage.store("a");
    stage.store("b");
    assert.equal(
      stage.root.office(SHARD)?.books.get("cap")?.slices.get(0)?.rows.get("h.1")?.granted,
      10,
    );
  });

  it("never grants more than the cap leaves, whoever holds the rest", () => {
    const stage = Stage.inOffice([slice(1_000, [row("old.1", 995)])]);
    stage.ask({ want: 500, atLeast: 5 });
    stage.ask({ want: 500, atLeast: 5 }, "i.1");
    const slices = stage.root.office(SHARD)?.books.get("cap")?.slices.get(0);
    assert.equal(slices?.rows.get("h.1")?.granted, 5);
    assert.equal(slices?.rows.get("i.1")?.granted, 0);
  });

  it("charges debt, and frees only what the holder itself gave back", () => {
    const stage = Stage.inOffice([slice(1_000, [row("old.1", 500, 0, 900), row("o.1", 90, 50)])]);
    stage.ask({ want: 500, atLeast: 60 });
    const granted = stage.root.office(SHARD)?.books.get("cap")?.slices.get(0)?.rows.get("h.1")
      ?.granted;
    assert.equal(granted, 60, "1000 - 900 - 40");
  });

  it("tells again what an earlier root granted when there is room for it, after a quorum has it", () => {
    const stage = Stage.inOffice([slice(1_000, [row("h.1", 300)])]);
    stage.ask({ want: 300 });
    assert.equal(stage.answers.length, 0);
    stage.store("a");
    stage.store("c");
    assert.deepEqual(stage.answers.map((item) => item.type === "granted" && item.granted), [300]);
  });

  it("has the holder give up what an earlier root granted when there is none", () => {
    const stage = Stage.inOffice([slice(1_000, [row("h.1", 300), row("old.1", 800)])]);
    stage.ask({ want: 300 });
    assert.deepEqual(stage.answers.map((item) => item.type === "correct" && item.granted), [300]);
    const window = windowAt(1_000);
    stage.ask({ want: 100, atLeast: 100, window, granted: 300, returned: 300 });
    const rows = stage.root.office(SHARD)?.books.get("cap")?.slices.get(0)?.rows;
    assert.equal(rows?.get("h.1")?.granted, 400, "800 of 1000 are charged then");
  });

  it("goes by the newest definition that any voter knows, though it never saw it itself", () => {
    const stage = Stage.inOffice([slice(1_000, [], { version: version(2), cap: 5 })]);
    stage.ask({ want: 10, atLeast: 1 });
    stage.store("a");
    stage.store("b");
    const [answer] = stage.answers;
    assert.ok(answer?.type === "granted");
    assert.ok(answer.granted >= 1 && answer.granted <= 5);
    assert.deepEqual(answer.version, version(2));
  });

  it("takes back what it has not told when a voter knows a smaller cap", () => {
    const stage = Stage.inOffice();
    stage.ask({ want: 10, atLeast: 10 });
    const sent = stage.of("store").findLast(({ voter }) => voter === "c.1") as Store;
    const { seq, window: { order } } = sent.slices[0]!;
    const terms = { version: version(2), cap: 4 };
    stage.receive({
      type: "stored",
      shard: SHARD,
      epoch: sent.epoch,
      voter: "c.1",
      listNumber: 1,
      verdicts: [{ limit: "cap", order, seq, verdict: "version", terms }],
    });
    stage.store("a");
    stage.store("b");
    assert.equal(stage.answers.length, 0);
    stage.ask({ want: 10, atLeast: 10 });
    assert.deepEqual(stage.answers.map((item) => item.type === "correct" && item.granted), [10]);
  });

  it("grants nothing in a window that some voter has closed", () => {
    const stage = Stage.inOffice([slice(1_000, [], { closed: 0 })]);
    stage.ask({ want: 10 });
    assert.deepEqual(stage.answers.map(({ type }) => type), ["over"]);
  });

  it("grants nothing in a ring of which it let go a window", () => {
    const ring = { span: 3, window: windowAt(WINDOW_MS) };
    const stage = Stage.inOffice([slice(WINDOW_MS, [row("old.1", 900)], ring)]);
    stage.hand({ type: "limit", limit: facts({ span: 3 }) });
    stage.hand({ type: "clock", offsetMs: 4 * WINDOW_MS });
    stage.ask({ want: 10 });
    const sent = stage.of("store").findLast(({ voter }) => voter === "b.1") as Store;
    const early = sent.slices.map(({ limit, seq, window: { order } }) => ({
      limit,
      seq,
      order,
      verdict: "early" as const,
    }));
    const { epoch } = sent;
    stage.receive({
      type: "stored",
      shard: SHARD,
      epoch,
      voter: "b.1",
      listNumber: 1,
      verdicts: early,
    });
    // Its clock was a window ahead and is set right: the ring now begins with the window that was let go.
    stage.hand({ type: "clock", offsetMs: 3 * WINDOW_MS });
    stage.ask({ want: 10 });
    assert.deepEqual(stage.answers.map(({ type }) => type), ["over"]);
  });

  it("grants only for the window that its own cluster time is in", () => {
    const stage = Stage.inOffice();
    stage.ask({ want: 10, window: windowAt(200_000), granted: 5 });
    assert.deepEqual(stage.answers.map(({ type }) => type), ["later"]);
  });

  it("says later when it has no office", () => {
    const stage = new Stage();
    stage.ask({ want: 10 });
    assert.deepEqual(stage.answers, [{ type: "later", limit: "cap" }]);
  });
});

describe("replacing voters", () => {
  it("goes by way of both lists, with the whole ledger, and tells everybody", () => {
    const stage = Stage.inOffice([slice(1_000, [row("h.1", 300)])]);
    for (const name of NAMES) stage.store(name);
    const restarted = members(["a", "b", "c"]);
    restarted[2] = { node: "c", boot: "c.2", voter: "c.2", state: "alive" };
    stage.out.length = 0;
    stage.hand({ type: "members", members: restarted });
    const joint = stage.of("store").find(({ voter }) => voter === "c.2");
    assert.deepEqual(joint?.list.before?.map(({ id }) => id), ["a.1", "b.1", "c.1"]);
    assert.deepEqual(joint?.slices[0]?.rows, [row("h.1", 300)]);
    stage.store("a");
    assert.ok(stage.root.office(SHARD)?.list.before !== undefined);
    stage.store("b");
    const { list: after } = stage.root.office(SHARD) as { list: VoterList };
    assert.equal(after.before, undefined);
    assert.deepEqual(after.voters.map(({ id }) => id), ["a.1", "b.1", "c.2"]);
  });
});
