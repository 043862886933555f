import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EntrySchema } from "../../../proto/gen/cluster/v1/entry_pb.ts";
import type { ReplicationEffect } from "../../../src/core/replication/contract.ts";
import type { RangeDigest } from "../../../src/core/replication/frames.ts";
import { Rng } from "../../../src/core/rng.ts";
import { entryCodec } from "../../../src/driver/entry_codec.ts";
import { decodeLinkFrame } from "../../../src/driver/link_codec.ts";
import { alone, encoded } from "./alone.ts";
import { EPOCH, Net } from "./net.ts";
import { overtakes, readyCluster, snapshotResumes } from "./scenarios.ts";

function cluster(names: string[], config = {}): Net {
  const net = readyCluster(names, 1, config);
  net.runFor(3_000);
  return net;
}

const closes = (effects: readonly ReplicationEffect[]) =>
  effects.flatMap((effect) => effect.type === "close" ? [effect.reason] : []);
const sends = (effects: readonly ReplicationEffect[]) =>
  effects.flatMap((effect) => effect.type === "send" ? [effect.frame.frame] : []);

describe("a stopped peer", () => {
  it("costs at most one place per key and a window of batches, and slows nobody", () => {
    const net = cluster(["a", "b", "c"], { windowBatches: 4 });
    net.stop("c");
    let dirtyMax = 0;
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 50; i++) {
        net.write("a", {
          type: "team",
          key: `k${(round * 50 + i) % 500}`,
          value: new Uint8Array(2_000),
        });
      }
      net.runFor(10);
      const link = net.node("a").machine.view().links.find(({ peer }) => peer === "c");
      dirtyMax = Math.max(dirtyMax, link?.dirty ?? 0);
      assert.ok((link?.inFlight ?? 0) <= 4);
    }
    assert.ok(dirtyMax <= 500 && dirtyMax > 300, `${dirtyMax}`);
    net.runFor(200);
    assert.ok(net.node("b").machine.get("team", "k499") !== undefined);
    const sent = net.node("b").machine.counters;
    assert.ok(sent.applied > 5_000, `${sent.applied}`);
    net.resume("c");
    net.runUntil("c has caught up", () => net.converged(), 15_000);
  });

  it("that stays silent is cut after the timeout and dialled again with growing pauses", () => {
    const net = cluster(["a", "b"], { ackTimeoutMs: 5_000 });
    net.stop("b");
    net.set("a", "team", "k", "v");
    net.runFor(6_000);
    const [link] = net.node("a").machine.view().links;
    assert.notEqual(link?.state, "open");
    assert.equal(link?.lastError === undefined, false);
    net.runFor(60_000);
    const dials = net.node("a").events.filter((event) =>
      event.type === "linkState" && event.state === "dialling"
    );
    assert.ok(dials.length > 4 && dials.length < 30, `${dials.length}`);
  });
});

describe("lanes", () => {
  it("let a revocation overtake a full bulk lane within one batch", () => overtakes());
});

describe("a deadline", () => {
  it("that falls due is met, also where adding and subtracting milliseconds round differently", () => {
    const dice = new Rng(5);
    for (let i = 0; i < 200; i++) {
      const { machine } = alone();
      const at = dice.between(30_000, 60_000);
      const out: ReplicationEffect[] = [];
      machine.handle({ type: "peerUp", peer: "p", boot: "9", capabilities: [] }, at, out);
      machine.handle({ type: "linkOpened", link: 1 }, at, out);
      machine.handle({ type: "writable", link: 1 }, at, out);
      const welcome = {
        nodeId: "p",
        bootId: "9",
        capabilities: ["ack:v1"],
        wallMs: 0,
        ready: false,
      };
      const frame = { frame: { case: "welcome", value: welcome } } as const;
      machine.handle({ type: "frame", link: 1, frame }, at, out);
      const writes = [{ type: "team", key: "k", value: undefined }];
      machine.handle({ type: "command", command: { type: "write", op: 1, writes } }, at, out);
      for (let due = machine.nextDeadline() as number; machine.view().links[0]?.state === "open";) {
        machine.handle({ type: "tick" }, due, out);
        const next = machine.nextDeadline() as number;
        assert.ok(next > due, `due at ${due} and still at ${next}`);
        due = next;
      }
    }
  });
});

describe("what an older node does not know", () => {
  it("passes through it byte for byte, types and fields alike", () => {
    const net = cluster(["a", "b", "c"]);
    const version = { wallMs: EPOCH + net.now, logic: 0, origin: "new", boot: "1" };
    const base = toBinary(
      EntrySchema,
      create(EntrySchema, { type: "type_of_2031", key: "k", version, value: new Uint8Array([5]) }),
    );
    const bytes = new Uint8Array([0xfa, 0x07, 4, 1, 2, 3, 4, ...base, 0xf8, 0x07, 0x2a]);
    // It reaches "a" alone, as from a newer node that has died since.
    const a = net.node("a");
    net.input(a, { type: "accepted", link: -1_000 });
    for (
      const frame of [
        {
          case: "hello",
          value: { nodeId: "new", bootId: "1", capabilities: [], wantSnapshot: false, wallMs: 0 },
        },
        { case: "batch", value: { sequence: 1, entries: [bytes], snapshotEnd: false } },
      ] as const
    ) a.machine.handle({ type: "frame", link: -1_000, frame: { frame } }, net.now, []);
    net.runUntil(
      "digests carried it on",
      () => net.node("c").machine.get("type_of_2031", "k") !== undefined,
      60_000,
    );
    net.crash("a");
    net.start("d");
    net.runUntil(
      "the newcomer has it",
      () => net.node("d").machine.get("type_of_2031", "k") !== undefined,
      60_000,
    );
    const received = net.node("d").machine.get("type_of_2031", "k")?.bytes;
    assert.deepEqual(received, bytes);
    assert.equal(fromBinary(EntrySchema, received as Uint8Array).$unknown?.length, 2);
  });
});

describe("digests", () => {
  it("of equal stores cost one short exchange, of one differing key a few levels and a leaf", () => {
    const net = cluster(["a", "b"], { digestIntervalMs: 1_000_000 });
    for (let i = 0; i < 20_000; i++) {
      net.write("a", { type: "team", key: `k${i}`, value: new Uint8Array(20) });
    }
    net.runUntil("all is there", () => net.converged(), 60_000);
    let bytes = 0;
    net.tap = (_from, _to, frame, end) => {
      const kind = decodeLinkFrame(frame, end)?.frame.case;
      if (kind === "digest" || kind === "pull") bytes += frame.length;
    };
    net.flap(1);
    net.runFor(20_000);
    assert.ok(bytes > 0 && bytes < 200, `equal stores: ${bytes} bytes for two comparisons`);
    bytes = 0;
    const version = { wallMs: EPOCH + net.now, logic: 0, origin: "x", boot: "1" };
    const entry = entryCodec.head(encoded("k77", version.wallMs)) ?? assert.fail();
    net.node("b").machine.store.offer({ ...entry, version });
    net.flap(1);
    net.runUntil("the difference is mended", () => net.converged(), 20_000);
    net.runFor(20_000);
    assert.ok(bytes < 12_000, `one key: ${bytes} bytes`);
  });
});

describe("a newcomer", () => {
  it("is ready only with the snapshot, gets it in lane order, from one peer only, while writes go on", () => {
    const net = cluster(["a", "b", "c"]);
    for (let i = 0; i < 3_000; i++) {
      net.write("a", {
        type: i % 3 === 0 ? "pricing" : "team",
        key: `k${i}`,
        value: new Uint8Array(200),
      });
    }
    net.set("a", "rbac", "admin", "secret");
    net.runUntil("all is there", () => net.converged(), 20_000);
    const served = () =>
      ["a", "b", "c"].map((name) => net.node(name).machine.counters.snapshotsServed);
    const before = served();
    const newcomer = net.start("0");
    let firstSeen = "";
    for (let i = 0; !newcomer.machine.synced; i++) {
      net.set("b", "team", `live${i}`, "written meanwhile");
      net.runFor(1);
      if (firstSeen === "") {
        firstSeen = [...newcomer.machine.store.types()].find((type) => type !== "team") ?? "";
      }
      assert.ok(i < 5_000);
    }
    assert.equal(firstSeen, "rbac");
    assert.ok(newcomer.machine.view().entries >= 3_001);
    assert.deepEqual(served().map((count, i) => count - (before[i] as number)).sort(), [0, 0, 1]);
    assert.equal(newcomer.events.filter((event) => event.type === "ready").length, 1);
    net.runUntil("the stores are equal", () => net.converged(), 10_000);
  });

  it("asks another peer when the first dies mid-way or stands still", () => {
    for (const trouble of ["crash", "stop"] as const) {
      const net = cluster(["a", "b", "c"], { batchBytesMax: 2_048, windowBatches: 1 });
      for (let i = 0; i < 500; i++) {
        net.write("a", { type: "team", key: `k${i}`, value: new Uint8Array(200) });
      }
      net.runUntil("all is there", () => net.converged(), 20_000);
      const newcomer = net.start("n");
      net.runUntil("the snapshot is under way", () => newcomer.machine.view().entries > 20, 10_000);
      const source = newcomer.events.flatMap((event) =>
        event.type === "snapshotProgress" ? [event.from] : []
      )[0] as string;
      assert.equal(newcomer.machine.synced, false);
      net[trouble](source);
      net.runUntil("another peer brought the rest", () => newcomer.machine.synced, 30_000);
      assert.equal(newcomer.machine.view().entries, 500);
    }
  });

  it("goes on with the snapshot where a broken link left it", () => snapshotResumes());
});

describe("clocks", () => {
  it("that run minutes ahead or behind hide no write and outlive no revocation", () => {
    for (const skewMs of [-300_000, 300_000]) {
      const net = new Net([], { config: { joinTimeoutMs: 2_000 } });
      net.start("a");
      net.start("b");
      net.start("c", skewMs);
      net.runUntil("all are in touch", () => net.node("c").machine.synced, 20_000);
      net.runFor(3_000);
      net.set("c", "api_key", "k", "from the odd clock");
      net.runUntil(
        "it is everywhere",
        () => net.text("a", "api_key", "k") === "from the odd clock",
        1_000,
      );
      net.delete("a", "api_key", "k");
      net.runUntil(
        "the revocation is everywhere",
        () => net.text("c", "api_key", "k") === undefined,
        1_000,
      );
      net.set("c", "api_key", "k", "again");
      net.runUntil(
        "the later write counts",
        () => net.text("b", "api_key", "k") === "again",
        1_000,
      );
      assert.match(
        net.node("c").machine.view().notReadyBecause ?? "",
        /^the clock is -?(300|299)\d{3} ms off cluster time$/,
      );
      assert.equal(Math.sign(net.node("c").machine.view().clockOffMs), Math.sign(skewMs));
      assert.equal(net.node("a").machine.view().ready, true);
    }
  });

  it("refuse what was stamped before anybody could correct it, say whose it was, and stamp it anew", () => {
    const net = new Net([], { config: { joinTimeoutMs: 2_000 } });
    const odd = net.start("c", 600_000);
    net.set("c", "team", "early", "stamped ten minutes ahead");
    net.runFor(5_000);
    net.start("a");
    net.start("b");
    net.runUntil(
      "it is everywhere",
      () =>
        net.text("a", "team", "early") !== undefined &&
        net.text("b", "team", "early") !== undefined,
      60_000,
    );
    net.runUntil("the stores are equal", () => net.converged(), 30_000);
    assert.ok(odd.machine.counters.restamped >= 1);
    const alarms = ["a", "b"].flatMap((name) =>
      net.node(name).events.filter((event) => event.type === "futureStamp")
    );
    assert.ok(alarms.length >= 1);
    for (const alarm of alarms) assert.equal(alarm.type === "futureStamp" && alarm.origin, "c");
    const { version } = net.node("a").machine.get("team", "early") ?? assert.fail();
    assert.ok(version.wallMs < net.wall(net.node("a")) + 60_000);
  });

  it("never move by what is received", () => {
    const { machine, greet, deliver } = alone();
    greet();
    deliver(1, encoded("k", EPOCH + 59_000));
    const out: ReplicationEffect[] = [];
    const write = (key: string) =>
      machine.handle(
        {
          type: "command",
          command: { type: "write", op: 1, writes: [{ type: "team", key, value: undefined }] },
        },
        10,
        out,
      );
    write("other");
    assert.equal(machine.get("team", "other")?.version.wallMs, EPOCH + 10);
    write("k");
    const { version } = machine.get("team", "k") ?? assert.fail();
    assert.deepEqual([version.wallMs, version.logic, version.origin], [EPOCH + 59_000, 1, "m"]);
  });
});

describe("an accepted link", () => {
  it("takes batches whole, acknowledges them, and says what it refuses", () => {
    const { machine, greet, deliver } = alone();
    assert.equal(sends(greet())[0]?.case, "welcome");
    const effects = deliver(
      1,
      encoded("good", EPOCH),
      encoded("future", EPOCH + 60_500),
      new Uint8Array([0xff]),
      encoded("", EPOCH),
      encoded("x".repeat(1_025), EPOCH),
      encoded("fraction", EPOCH + 0.5),
      encoded("good", EPOCH - 1),
    );
    const [ack] = sends(effects);
    assert.equal(ack?.case, "ack");
    assert.deepEqual(ack?.case === "ack" && [ack.value.sequence, ack.value.refused], [1, [
      { type: "team", key: "future", reason: "future-stamp" },
    ]]);
    const { applied, stale, malformed, futureStamps } = machine.counters;
    assert.deepEqual({ applied, stale, malformed, futureStamps }, {
      applied: 1,
      stale: 1,
      malformed: 4,
      futureStamps: 1,
    });
    const again = deliver(2, encoded("future", EPOCH + 60_500), encoded("future2", EPOCH + 60_500));
    assert.equal(again.some((effect) => effect.type === "event"), false);
  });

  it("is closed with a reason when the peer breaks the protocol", () => {
    const cases: [string, RegExp, (peer: ReturnType<typeof alone>) => ReplicationEffect[]][] = [
      ["no greeting", /before its greeting/, ({ deliver }) => deliver(1)],
      [
        "our name",
        /calls itself "m"/,
        ({ say }) =>
          say({
            case: "hello",
            value: { nodeId: "m", bootId: "2", capabilities: [], wantSnapshot: false, wallMs: 0 },
          }),
      ],
      ["a gap", /batch 2 follows batch 0/, ({ greet, deliver }) => (greet(), deliver(2))],
      [
        "another name",
        /changed its name/,
        (
          { greet, say },
        ) => (greet(),
          say({
            case: "hello",
            value: { nodeId: "q", bootId: "9", capabilities: [], wantSnapshot: false, wallMs: 0 },
          })),
      ],
      [
        "too many ranges",
        /digest is out of bounds/,
        ({ greet, say }) => (greet(), say({ case: "digest", value: { ranges: ranges(2_000) } })),
      ],
      ["too many keys", /pull is out of bounds/, ({ greet, say }) => (greet(),
        say({
          case: "pull",
          value: {
            keys: Array.from(
              { length: 20_000 },
              () => ({ type: "t", key: "k", version: new Uint8Array(0) }),
            ),
            prefixes: [],
          },
        }))],
    ];
    for (const [name, reason, provoke] of cases) {
      const peer = alone();
      const effects = provoke(peer);
      assert.match(closes(effects)[0] ?? "", reason, name);
      assert.equal(peer.machine.counters.protocolErrors, 1, name);
      assert.equal(peer.machine.view().inboundLinks, 0, name);
    }
  });

  it("ignores frames and fields it does not know", () => {
    const { say, greet, machine } = alone();
    greet();
    assert.deepEqual(say({ case: undefined }), []);
    assert.deepEqual(
      closes(
        say({
          case: "welcome",
          value: { nodeId: "p", bootId: "9", capabilities: [], wallMs: 0, ready: true },
        }),
      ),
      [],
    );
    const odd: RangeDigest = {
      prefix: "zz",
      hashLow: 1,
      hashHigh: 1,
      count: 1,
      leaf: [],
      isLeaf: false,
    };
    const answer = sends(say({ case: "digest", value: { ranges: [odd] } }))[0];
    assert.deepEqual(answer, { case: "digest", value: { ranges: [] } });
    const leaf = [{ type: "t", key: "k", version: new Uint8Array([1]) }];
    say({ case: "digest", value: { ranges: [{ ...odd, prefix: "", isLeaf: true, leaf }] } });
    assert.equal(machine.view().inboundLinks, 1);
  });

  it("is closed when it does not greet in time, and when there are too many", () => {
    const { machine } = alone({ inboundLinksMax: 2 });
    const out: ReplicationEffect[] = [];
    machine.handle({ type: "accepted", link: -2 }, 5, out);
    machine.handle({ type: "accepted", link: -3 }, 5, out);
    assert.deepEqual(closes(out), ["too many links"]);
    machine.handle({ type: "tick" }, 20_000, out);
    assert.equal(closes(out).length, 3);
    assert.equal(machine.view().inboundLinks, 0);
  });

  it("refuses new keys when the store is full, and goes on with those it has", () => {
    const { machine, greet, deliver } = alone({ storeBytesMax: 880 });
    greet();
    const effects = deliver(1, ...["a", "b", "c", "d"].map((key) => encoded(key, EPOCH)));
    const ack = sends(effects)[0];
    assert.deepEqual(
      ack?.case === "ack" && ack.value.refused.map(({ key, reason }) => `${key} ${reason}`),
      ["c store-full", "d store-full"],
    );
    deliver(2, encoded("a", EPOCH + 1));
    assert.equal(machine.get("team", "a")?.version.wallMs, EPOCH + 1);
  });
});

describe("a write", () => {
  it("that can't be made is refused with a sentence and changes nothing", () => {
    const { machine } = alone({ valueBytesMax: 1_000 });
    const good = { type: "team", key: "good", value: undefined };
    const cases: [object, string, RegExp][] = [
      [{ type: "", key: "k" }, "bad-data", /must not be empty/],
      [{ type: "t", key: "\ud800" }, "bad-data", /surrogate/],
      [
        { type: "t".repeat(256), key: "k" },
        "too-large",
        /the type has 256 bytes, the limit is 255/,
      ],
      [
        { type: "t", key: "é".repeat(513) },
        "too-large",
        /the key has 1026 bytes, the limit is 1024/,
      ],
      [
        { type: "t", key: "k", value: new Uint8Array(1_001) },
        "too-large",
        /the value has 1001 bytes/,
      ],
    ];
    for (const [write, code, message] of cases) {
      const out: ReplicationEffect[] = [];
      const writes = [good, { value: undefined, ...write } as typeof good];
      machine.handle({ type: "command", command: { type: "write", op: 4, writes } }, 1, out);
      const [settled] = out;
      assert.ok(settled?.type === "settled" && !settled.result.ok && out.length === 1);
      assert.equal(settled.result.code, code);
      assert.match(settled.result.message, message);
    }
    assert.equal(machine.store.size, 0);
  });

  it("of several keys has one stamp above everything it replaces", () => {
    const { machine, greet, deliver } = alone();
    greet();
    deliver(1, encoded("b", EPOCH + 500));
    const out: ReplicationEffect[] = [];
    const writes = ["a", "b"].map((key) => ({ type: "team", key, value: new Uint8Array(1) }));
    machine.handle({ type: "command", command: { type: "write", op: 1, writes } }, 2, out);
    assert.deepEqual(machine.get("team", "a")?.version, machine.get("team", "b")?.version);
    assert.equal(machine.get("team", "a")?.version.wallMs, EPOCH + 500);
    assert.equal(machine.get("team", "a")?.version.logic, 1);
  });

  it("larger than a batch travels alone", () => {
    const net = cluster(["a", "b"]);
    net.write("a", {
      type: "prompt_deployment",
      key: "big",
      value: new Uint8Array(3_000_000).fill(1),
    });
    net.set("a", "team", "small", "x");
    net.runFor(200);
    assert.ok(net.converged());
  });
});

function ranges(count: number): RangeDigest[] {
  return Array.from(
    { length: count },
    () => ({ prefix: "", hashLow: 0, hashHigh: 0, count: 0, leaf: [], isLeaf: false }),
  );
}
