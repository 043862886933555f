import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EntrySchema } from "../../../proto/gen/cluster/v1/entry_pb.ts";
import type { Version } from "../../../src/core/hlc.ts";
import type { EntryRecord } from "../../../src/core/replication/entry.ts";
import type { LinkFrame } from "../../../src/core/replication/frames.ts";
import { Rng } from "../../../src/core/rng.ts";
import { entryCodec } from "../../../src/driver/entry_codec.ts";
import { decodeLinkFrame, encodeLinkFrame } from "../../../src/driver/link_codec.ts";

const VERSION: Version = { wallMs: 1_760_000_000_123, logic: 7, origin: "gw-1", boot: "b1" };

const RECORDS: readonly EntryRecord[] = [
  {
    type: "virtual_key",
    key: "vk-1",
    version: VERSION,
    value: new Uint8Array([1, 2, 3]),
    contentType: "application/json",
    schemaVersion: 3,
  },
  { type: "t", key: "k", version: VERSION, value: undefined, contentType: "", schemaVersion: 0 },
  {
    type: "t",
    key: "k",
    version: VERSION,
    value: new Uint8Array(0),
    contentType: "",
    schemaVersion: 0,
  },
  {
    type: "kv_store",
    key: "session",
    version: VERSION,
    value: new Uint8Array([7]),
    contentType: "",
    schemaVersion: 0,
    expiresMs: 1_760_000_060_000.5,
    number: 9_007_199_254_740_991,
  },
  {
    type: "тип",
    key: "clé 🔑 ".repeat(40),
    version: { wallMs: 0, logic: 0, origin: "knoten-ß", boot: "" },
    value: new Uint8Array(70_000).fill(9),
    contentType: "x",
    schemaVersion: 4_294_967_295,
  },
];

describe("the entry codec", () => {
  it("writes byte for byte what the generated code writes", () => {
    for (const record of RECORDS) {
      const { value, number = 0, ...known } = record;
      const rest = { ...known, number: BigInt(number) };
      const message = create(EntrySchema, value === undefined ? rest : { ...rest, value });
      assert.deepEqual(entryCodec.encode(record), toBinary(EntrySchema, message));
    }
  });

  it("reads what it wrote, all or only the head", () => {
    for (const record of RECORDS) {
      const bytes = entryCodec.encode(record);
      assert.deepEqual(entryCodec.decode(bytes), record);
      const { type, key, version, expiresMs, number } = record;
      const head = { type, key, version, deleted: record.value === undefined, bytes };
      assert.deepEqual(
        entryCodec.head(bytes),
        expiresMs === undefined ? head : { ...head, expiresMs, number },
      );
    }
  });

  it("reads fields in any order, among unknown ones, split versions merged", () => {
    const bytes = Uint8Array.of(
      ...[0xfa, 0x01, 2, 9, 9], // field 31, bytes
      ...[0x1a, 3, 0x1a, 1, 0x61], // version { origin: "a" }
      ...[0x12, 1, 0x6b], // key "k"
      ...[0x1a, 5, 0x10, 5, 0x22, 1, 0x62], // version { logic: 5, boot: "b" }
      ...[0xf8, 0x01, 0x96, 0x01], // field 31, varint
      ...[0xfd, 0x01, 1, 2, 3, 4], // field 31, 32 bits
      ...[0xfb, 0x01, 0x08, 0x01, 0xfc, 0x01], // field 31, a group
      ...[0x0a, 1, 0x74], // type "t"
    );
    const version = { wallMs: 0, logic: 5, origin: "a", boot: "b" };
    assert.deepEqual(entryCodec.decode(bytes)?.version, version);
    assert.deepEqual(entryCodec.head(bytes), {
      type: "t",
      key: "k",
      version,
      deleted: true,
      bytes,
    });
  });

  it("gives an entry another version and keeps what it does not know", () => {
    const unknown = Uint8Array.of(0xfa, 0x01, 3, 1, 2, 3);
    for (const record of RECORDS) {
      const before = new Uint8Array([...unknown, ...entryCodec.encode(record), ...unknown]);
      const version: Version = { wallMs: 5, logic: 0, origin: "z", boot: "" };
      const after = entryCodec.restamp(before, version) as Uint8Array;
      const { number: _number, ...rest } = record;
      assert.deepEqual(entryCodec.decode(after), { ...rest, version });
      const renumbered = entryCodec.restamp(before, version, 300) as Uint8Array;
      assert.deepEqual(entryCodec.decode(renumbered), { ...rest, version, number: 300 });
      const fields = fromBinary(EntrySchema, after).$unknown;
      assert.deepEqual(fields?.map((field) => [field.no, [...field.data]]), [
        [31, [3, 1, 2, 3]],
        [31, [3, 1, 2, 3]],
      ]);
    }
  });

  it("takes an expiry that is no instant, or that of a tombstone, for never", () => {
    const record = RECORDS[3] as EntryRecord;
    for (const expiresMs of [NaN, Infinity, -5, -0]) {
      const head = entryCodec.head(entryCodec.encode({ ...record, expiresMs }));
      assert.equal(head?.key, "session");
      assert.equal(head && "expiresMs" in head, false);
    }
    const tombstone = entryCodec.head(entryCodec.encode({ ...record, value: undefined }));
    assert.deepEqual([tombstone?.deleted, tombstone && "expiresMs" in tombstone], [true, false]);
  });

  it("throws on no bytes, and what it takes it takes the same by every way of reading", () => {
    const dice = new Rng(Number(globalThis.process?.env["SEED"] ?? 11));
    const seeds = RECORDS.slice(0, 4).map((record) => entryCodec.encode(record));
    const rounds = Number(globalThis.process?.env["FUZZ"] ?? 20_000);
    for (let i = 0; i < rounds; i++) {
      const bytes = (seeds[dice.below(4)] as Uint8Array).slice(
        0,
        dice.chance(0.3) ? dice.below(40) : 99,
      );
      for (let hits = dice.below(4); hits >= 0; hits--) {
        bytes[dice.below(bytes.length)] = dice.below(256);
      }
      const head = entryCodec.head(bytes);
      const record = entryCodec.decode(bytes);
      entryCodec.restamp(bytes, VERSION);
      assert.equal(head === undefined, record === undefined);
      if (head === undefined || record === undefined) continue;
      assert.deepEqual([head.type, head.key, head.version], [
        record.type,
        record.key,
        record.version,
      ]);
      assert.equal(head.deleted, record.value === undefined);
      if (!Number.isNaN(record.version.wallMs)) {
        assert.deepEqual(entryCodec.decode(entryCodec.encode(record)), record);
      }
    }
  });

  it("refuses truncated bytes, endless lengths, bad UTF-8 and an entry without a version", () => {
    const whole = entryCodec.encode(RECORDS[0] as EntryRecord);
    for (let cut = 1; cut < whole.length; cut++) {
      const record = entryCodec.decode(whole.subarray(0, cut));
      if (record !== undefined) assert.notDeepEqual(record, RECORDS[0]);
    }
    assert.equal(entryCodec.head(new Uint8Array(0)), undefined);
    assert.equal(entryCodec.head(Uint8Array.of(0x0a, 1, 0x74, 0x12, 1, 0x6b)), undefined);
    assert.equal(entryCodec.head(Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f)), undefined);
    assert.equal(entryCodec.head(Uint8Array.of(0x0a, 2, 0xc3, 0x28)), undefined);
    assert.equal(entryCodec.head(new Uint8Array(40).fill(0xfb)), undefined);
  });
});

describe("the link codec", () => {
  const frames: readonly [LinkFrame["frame"], "dialler" | "acceptor"][] = [
    [{
      case: "hello",
      value: {
        nodeId: "a",
        bootId: "1",
        capabilities: ["ack:v1"],
        wantSnapshot: true,
        wallMs: 1.5,
      },
    }, "dialler"],
    [{
      case: "welcome",
      value: { nodeId: "a", bootId: "1", capabilities: [], ready: true, wallMs: 1 },
    }, "acceptor"],
    [{
      case: "batch",
      value: {
        sequence: 3,
        entries: [new Uint8Array([1]), new Uint8Array([2])],
        snapshotEnd: true,
        number: 2 ** 40,
        agreed: [{ boot: "b", number: 1 }],
        chunks: [{ row: 4, offset: 65_536, total: 70_000, bytes: new Uint8Array([3]) }],
      },
    }, "dialler"],
    [{
      case: "ack",
      value: { sequence: 3, refused: [{ type: "t", key: "k", reason: "r" }], wallMs: 12 },
    }, "acceptor"],
    [{
      case: "digest",
      value: {
        ranges: [{
          prefix: "a0",
          hashLow: 0xffff_ffff,
          hashHigh: 1,
          count: 2,
          leaf: [{ type: "t", key: "k", version: new Uint8Array([1]) }],
          isLeaf: true,
        }],
      },
    }, "acceptor"],
    [{ case: "pull", value: { keys: [], prefixes: ["0", "1"] } }, "dialler"],
    [{ case: "message", value: { channel: "c", payload: new Uint8Array([1]) } }, "dialler"],
    [{ case: "message", value: { channel: "", payload: new Uint8Array(0) } }, "acceptor"],
  ];

  it("carries every frame", () => {
    for (const [frame, end] of frames) {
      const decoded = decodeLinkFrame(encodeLinkFrame({ frame }, end), end);
      assert.equal(decoded?.frame.case, frame.case);
      assert.deepEqual(plain(decoded?.frame.value), plain(frame.value));
    }
  });

  it("refuses to encode what an end never sends, and answers undefined for bytes that are no frame", () => {
    const [hello] = frames[0] as (typeof frames)[0];
    assert.throws(() => encodeLinkFrame({ frame: hello }, "acceptor"), TypeError);
    assert.equal(decodeLinkFrame(new Uint8Array([0x0a, 9, 9]), "dialler"), undefined);
    assert.equal(decodeLinkFrame(new Uint8Array(0), "dialler")?.frame.case, undefined);
  });
});

/** Without the type names that generated messages carry. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !key.startsWith("$")).map(([key, inner]) => [
      key,
      plain(inner),
    ]),
  );
}
