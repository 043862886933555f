import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LedgerSlice } from "../../../../src/core/limits/leased/contract.ts";
import type { LeasedMessage } from "../../../../src/core/limits/leased/messages.ts";
import type { VoterRecord } from "../../../../src/core/limits/leased/voter.ts";
import type { MemberState } from "../../../../src/core/membership/contract.ts";
import { Rng } from "../../../../src/core/rng.ts";
import { CellIndex } from "../../../../src/driver/limits/cell_index.ts";
import { Company, LIMITS_CAPABILITY } from "../../../../src/driver/limits/company.ts";
import {
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
} from "../../../../src/driver/limits/envelope.ts";
import {
  cutParcel,
  PARCEL_BYTES_MAX,
  ParcelReader,
} from "../../../../src/driver/limits/parcels.ts";
import { VoterRows } from "../../../../src/driver/limits/voter_rows.ts";
import { type KnownMember, lonelyMember } from "../../../../src/driver/member_view.ts";

const EPOCH = { number: 3, node: "n", boot: "b" };
const VERSION = { wallMs: 1_700_000_000_000, logic: 1, origin: "n", boot: "b" };

function slice(limit: string, order: number, closed?: number): LedgerSlice {
  const said: LedgerSlice = {
    limit,
    version: VERSION,
    cap: 5,
    window: { order, startMs: order, endMs: order + 1 },
    span: 1,
    rows: [{ holder: "b", granted: 3, returned: 1, spent: 2 }],
  };
  return closed === undefined ? said : { ...said, closed };
}

const MESSAGES: readonly LeasedMessage[] = [
  { type: "prepare", shard: 63, epoch: EPOCH },
  {
    type: "promised",
    shard: 1,
    epoch: EPOCH,
    voter: "v",
    list: { epoch: EPOCH, number: 1, voters: [{ id: "v", node: "n" }], before: [] },
    slices: [slice("a", 4, -1)],
  },
  {
    type: "store",
    shard: 1,
    epoch: EPOCH,
    voter: "v",
    list: { epoch: EPOCH, number: 1, voters: [] },
    slices: [{ ...slice("a", 4), seq: 9 }],
  },
  {
    type: "stored",
    shard: 1,
    epoch: EPOCH,
    voter: "v",
    listNumber: 1,
    verdicts: [
      { limit: "a", order: -4, seq: 9, verdict: "stored" },
      { limit: "a", order: 4, seq: 9, verdict: "version", terms: { version: VERSION, cap: 1 } },
    ],
  },
  { type: "refused", shard: 1, epoch: EPOCH, promised: EPOCH },
  {
    type: "ask",
    boot: "b",
    sentMs: 1.5,
    items: [{ limit: "a", want: -1, atLeast: 0, granted: 0, returned: 0, spent: 0 }],
  },
  {
    type: "answer",
    boot: "b",
    sentMs: 1.5,
    ttlMs: 10,
    items: [
      { type: "over", limit: "a", order: 1 },
      { type: "later", limit: "a" },
      { type: "reported", limit: "a", order: 1, returned: 1, spent: 1 },
      {
        type: "correct",
        limit: "a",
        order: 1,
        granted: 1,
        window: { order: 1, startMs: 0.5, endMs: 1 },
      },
      {
        type: "granted",
        limit: "a",
        order: 1,
        granted: 1,
        returned: 0,
        spent: 0,
        leftMs: 12.25,
        window: { order: 1, startMs: 0, endMs: 1 },
        version: VERSION,
        isScarce: true,
      },
    ],
  },
];

const ENVELOPE: Envelope = {
  boot: "b",
  touch: { at: 1.25, ready: true, leaving: false, voter: "v" },
  touched: { at: 2, asker: "c", counted: true },
  leased: MESSAGES,
};

describe("what limits of two nodes say to each other", () => {
  it("comes out as it went in, with fields of versions to come left alone", () => {
    assert.deepEqual(decodeEnvelope(encodeEnvelope(ENVELOPE)), ENVELOPE);
    assert.deepEqual(decodeEnvelope(encodeEnvelope({ boot: "b" })), { boot: "b" });
    const bytes = new TextEncoder().encode('{"boot":"b","news":1}');
    assert.equal(decodeEnvelope(bytes)?.boot, "b");
  });

  it("is nothing when any one field is missing or of another kind", () => {
    const text = JSON.stringify(ENVELOPE);
    const optional = new Set([
      "touch",
      "touched",
      "leased",
      "list",
      "closed",
      "before",
      "terms",
      "window",
    ]);
    let changed = 0;
    const spoil = (value: unknown, path: readonly string[]): void => {
      if (typeof value !== "object" || value === null) return;
      for (const [name, field] of Object.entries(value)) {
        const at = [...path, name];
        for (const bad of [undefined, null, {}, -0.5, "x".repeat(5_000)]) {
          if (bad === undefined && optional.has(name)) continue;
          if (bad === undefined && Array.isArray(value)) continue;
          if (bad === -0.5 && (name.endsWith("Ms") || name === "at")) continue;
          const copy = JSON.parse(text);
          let target = copy;
          for (const step of path) target = target[step];
          target[name] = bad;
          const encoded = new TextEncoder().encode(JSON.stringify(copy));
          assert.equal(decodeEnvelope(encoded), undefined, `${at.join(".")} = ${bad}`);
          changed++;
        }
        spoil(field, at);
      }
    };
    spoil(ENVELOPE, []);
    assert.ok(changed > 300, `${changed} fields were spoilt`);
  });

  it("never makes the reader throw, whatever the bytes are", () => {
    const rng = new Rng(7);
    const good = encodeEnvelope(ENVELOPE);
    let refused = 0;
    for (let i = 0; i < 5_000; i++) {
      const bytes = good.slice(0, rng.below(8) === 0 ? rng.below(good.length) : good.length);
      for (let n = rng.below(4); n >= 0; n--) bytes[rng.below(bytes.length)] = rng.below(256);
      if (decodeEnvelope(bytes) === undefined) refused++;
    }
    assert.ok(refused > 4_000, `${refused} were refused`);
    for (const odd of ["", "null", "[]", "7", '{"boot":7}', '{"__proto__":{"boot":"b"}}']) {
      assert.equal(decodeEnvelope(new TextEncoder().encode(odd)), undefined, odd);
    }
  });
});

describe("parcels", () => {
  it("are cut and put together at any size", () => {
    for (const size of [0, 1, 65_528, 65_529, 400_000, PARCEL_BYTES_MAX]) {
      const bytes = new Uint8Array(size).map((_, i) => i * 7);
      const pieces = cutParcel(5, bytes) ?? [];
      assert.ok(pieces.every(({ length }) => length <= 65_536));
      const reader = new ParcelReader();
      const results = pieces.map((piece) => reader.add(piece));
      assert.deepEqual(results.pop(), bytes, `${size} bytes`);
      assert.ok(results.every((result) => result === undefined));
    }
    assert.equal(cutParcel(1, new Uint8Array(PARCEL_BYTES_MAX + 1)), undefined);
  });

  it("are dropped when a piece is missing, doubled or of another parcel", () => {
    const bytes = new Uint8Array(200_000);
    const pieces = cutParcel(1, bytes) as Uint8Array[];
    const others = cutParcel(2, bytes) as Uint8Array[];
    const wrong = [
      [pieces[0], pieces[2], pieces[3]],
      [pieces[0], pieces[1], pieces[1], pieces[2], pieces[3]],
      [pieces[0], others[1], pieces[2], pieces[3]],
      [new Uint8Array(3)],
      [new Uint8Array(8)],
    ];
    for (const row of wrong) {
      const reader = new ParcelReader();
      for (const piece of row) assert.equal(reader.add(piece as Uint8Array), undefined);
      const whole = pieces.map((piece) => reader.add(piece)).pop();
      assert.equal(whole?.length, bytes.length, "the next parcel is read");
    }
  });
});

describe("cells by window", () => {
  it("are found by their prefix until they are gone", () => {
    const index = new CellIndex();
    for (const key of ["a|c|w|n|1", "a|c|w|n|2", "a|c|x|n|1", "odd"]) index.add(key);
    assert.deepEqual([...index.of("a|c|w|")], ["a|c|w|n|1", "a|c|w|n|2"]);
    index.delete("a|c|w|n|1");
    index.delete("a|c|w|n|2");
    assert.deepEqual([...index.of("a|c|w|")], []);
  });
});

describe("company", () => {
  const self = { node: "me", boot: "m1" };
  const known = (
    node: string,
    boot: string,
    state: MemberState,
    capabilities = [LIMITS_CAPABILITY],
  ): KnownMember => {
    const meta = {
      nodeId: node,
      bootId: boot,
      rpcHost: "",
      rpcPort: 0,
      region: "",
      capabilities,
      version: "",
      startedMs: Number(boot.slice(1)),
    };
    const lonely = lonelyMember(node, 1, meta);
    return { ...lonely, member: { ...lonely.member, state } };
  };
  const touch = { at: 0, ready: true, leaving: false, voter: "v" };

  it("counts those that have not left, dead ones too, and as alive who said that it is ready", () => {
    const company = new Company(self, 0);
    company.look([
      known("a", "b1", "alive"),
      known("b", "b1", "suspect"),
      known("c", "b1", "dead"),
      known("d", "b1", "left"),
      known("old", "b1", "alive", []),
    ], 0);
    company.said("a", "b1", touch);
    company.said("b", "b0", touch);
    const { members, alive } = company.counting(true);
    assert.deepEqual(members.map(({ node }) => node), ["me", "a", "b", "c"]);
    assert.deepEqual(alive.map(({ node }) => node), ["me", "a"]);
    assert.deepEqual([...company.reachable()], ["a", "b"]);
    assert.deepEqual(company.counting(false).alive.map(({ node }) => node), ["a"]);
  });

  it("remembers for a day whom gossip forgot, unless he left or all that should be are there", () => {
    const company = new Company(self, 0);
    company.look([known("a", "b1", "dead"), known("b", "b1", "left")], 0);
    company.look([], 1_000);
    const nodes = (): string[] => company.counting(true).members.map(({ node }) => node);
    assert.deepEqual(nodes(), ["me", "a"]);
    company.look([], 86_000_000);
    assert.deepEqual(nodes(), ["me", "a"]);
    company.look([], 86_500_000);
    assert.deepEqual(nodes(), ["me"]);

    const full = new Company(self, 3);
    full.look([known("a", "b1", "dead"), known("b", "b1", "alive")], 0);
    full.look([known("b", "b1", "alive")], 1);
    assert.equal(full.counting(true).members.length, 3);
    full.look([known("b", "b1", "alive"), known("c", "b1", "alive")], 2);
    assert.deepEqual(full.counting(true).members.map(({ node }) => node), ["me", "b", "c"]);
  });

  it("lets those vote whose way of voting is known, each by its newest boot", () => {
    const company = new Company(self, 0);
    company.look([known("a", "b1", "alive"), known("b", "b1", "alive")], 0);
    company.said("a", "b1", { ...touch, leaving: true });
    assert.deepEqual(company.voting("mine", false), [
      { ...self, voter: "mine", state: "alive" },
      { node: "a", boot: "b1", voter: "v", state: "leaving" },
    ]);
    company.look([known("a", "b1", "alive"), known("a", "b2", "alive")], 1);
    assert.deepEqual(company.voting("mine", true), [{ ...self, voter: "mine", state: "leaving" }]);
  });
});

describe("a voter's memory in rows", () => {
  class Rows {
    readonly held: Map<string, Uint8Array> = new Map();
    put(key: string, bytes: Uint8Array): void {
      this.held.set(key, bytes);
    }
    remove(key: string): void {
      this.held.delete(key);
    }
    flushed(): Promise<void> {
      return Promise.resolve();
    }
    list(): { key: string; bytes: Uint8Array }[] {
      return Array.from(this.held, ([key, bytes]) => ({ key, bytes }));
    }
  }
  const list = { epoch: EPOCH, number: 2, voters: [{ id: "v", node: "n" }] };

  it("comes back as it was, under the same id, and keeps no window that is closed", () => {
    const rows = new Rows();
    const first = new VoterRows(rows, [], "fresh");
    assert.equal(first.id, "fresh");
    const records: VoterRecord[] = [
      { shard: 1, promise: EPOCH, list, slices: [slice("a", 4), slice("b", 7)] },
      { shard: 1, promise: { ...EPOCH, number: 4 }, slices: [slice("a", 5, 4)] },
    ];
    for (const record of records) first.keep(record);
    const again = new VoterRows(rows, rows.list(), "other");
    assert.equal(again.id, "fresh");
    assert.deepEqual(again.records.find(({ slices }) => slices.length === 0), {
      shard: 1,
      promise: { ...EPOCH, number: 4 },
      list,
      slices: [],
    });
    const kept = again.records.flatMap(({ slices }) => slices);
    assert.deepEqual(kept, [slice("b", 7), slice("a", 5, 4)]);
    again.forget("a");
    assert.deepEqual([...rows.held.keys()], ["id", "shard/1", "window/7/b"]);
  });

  it("votes under a new id when anything of it is lost", () => {
    for (const spoil of ["id", "shard/1", "window/4/a"]) {
      const rows = new Rows();
      new VoterRows(rows, [], "fresh").keep({
        shard: 1,
        promise: EPOCH,
        list,
        slices: [slice("a", 4)],
      });
      if (spoil === "id") rows.held.delete("id");
      else rows.held.set(spoil, new Uint8Array([1]));
      const again = new VoterRows(rows, rows.list(), "other");
      assert.equal(again.id, "other");
      assert.deepEqual(again.records, []);
      assert.deepEqual([...rows.held.keys()], ["id"]);
    }
  });
});
