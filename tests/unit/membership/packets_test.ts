import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage } from "../../../src/core/wire/encode.ts";
import type { IndirectPing, Ping } from "../../../src/core/wire/messages.ts";
import {
  aliveOf,
  codecs,
  eventsOf,
  type NodeOptions,
  packetsOf,
  readStream,
  started,
  suspectOf,
  TestNode,
} from "./harness.ts";

const QUIET = { gossipIntervalMs: 0, pushPullIntervalMs: 0, probeIntervalMs: 0 } as const;

/** A started node without anything left to say. */
function silent(options: NodeOptions = {}): TestNode {
  const node = started({ ...QUIET, ...options });
  for (let i = 0; node.machine.queued.members > 0; i++) {
    node.hear({ type: "ping", seqNo: 1000 + i, node: "" }, 0);
  }
  return node;
}

const ping = (over: Partial<Ping> = {}): Ping => ({
  type: "ping",
  seqNo: 42,
  node: "a",
  sourceAddr: Uint8Array.of(10, 0, 0, 7),
  sourcePort: 8000,
  sourceNode: "m7",
  ...over,
});

describe("a ping", () => {
  it("is answered at its source with its number (Go: TestHandlePing)", () => {
    const [packet] = packetsOf(silent().hear(ping(), 0));
    assert.equal(packet?.to, "10.0.0.7:8000");
    assert.deepEqual(packet?.messages, [{ type: "ack", seqNo: 42, payload: null }]);
  });

  it("is answered at its sender when it names no source", () => {
    const out = silent().hear({ type: "ping", seqNo: 42, node: "" }, 0, "10.0.0.9:1234");
    assert.equal(packetsOf(out)[0]?.to, "10.0.0.9:1234");
  });

  it("for another name is not answered (Go: TestHandlePing_WrongNode)", () => {
    assert.deepEqual(packetsOf(silent().hear(ping({ node: "a-bad" }), 0)), []);
  });

  it("thrice in a compound is answered thrice (Go: TestHandleCompoundPing)", () => {
    const out = silent().hear([ping(), ping(), ping()], 0);
    assert.equal(packetsOf(out).length, 3);
    for (const { messages } of packetsOf(out)) {
      assert.deepEqual(messages, [{ type: "ack", seqNo: 42, payload: null }]);
    }
  });

  it("carries the ping delegate's payload back", () => {
    const node = silent({ delegate: { ackPayload: () => Uint8Array.of(1, 2) } });
    const [ack] = packetsOf(node.hear(ping(), 0))[0]?.messages ?? [];
    assert.ok(ack?.type === "ack");
    assert.deepEqual(ack.payload, Uint8Array.of(1, 2));
  });

  it("is answered with news beside the ack (Go: TestSendMsg_Piggyback)", () => {
    const node = silent();
    node.hear(aliveOf("rand"), 0);
    const [packet] = packetsOf(node.hear(ping(), 0));
    assert.deepEqual(packet?.messages.map((m) => m.type), ["ack", "alive"]);
  });

  it("without a source name is not answered where names are required (memberlist.md 3.12)", () => {
    const node = silent();
    const strict = started({ ...QUIET, requireNodeNames: true });
    const nameless: Ping = { type: "ping", seqNo: 1, node: "" };
    assert.equal(packetsOf(node.hear(nameless, 0)).length, 1);
    assert.equal(packetsOf(strict.hear(nameless, 0)).length, 0);
    assert.equal(packetsOf(strict.hear(ping(), 0)).length, 1);
  });

  it("can't make us flood a stranger, yet members are always answered (memberlist.md 8.1)", () => {
    const node = silent({ unsolicitedPerSecondMax: 10 });
    node.hear(aliveOf("m8", { addr: Uint8Array.of(10, 0, 0, 8) }), 0);
    let strangers = 0;
    for (let i = 0; i < 500; i++) strangers += packetsOf(node.hear(ping(), 0)).length;
    assert.equal(strangers, 20);
    assert.equal(node.machine.counters.reflectionsRefused, 480);
    let members = 0;
    const known = ping({
      sourceAddr: Uint8Array.of(10, 0, 0, 8),
      sourcePort: 7946,
      sourceNode: "m8",
    });
    for (let i = 0; i < 500; i++) members += packetsOf(node.hear(known, 0)).length;
    assert.equal(members, 500);
  });
});

describe("an indirect ping", () => {
  const ask: IndirectPing = {
    type: "indirectPing",
    seqNo: 100,
    target: Uint8Array.of(10, 0, 0, 8),
    port: 7946,
    node: "m8",
    nack: true,
    sourceAddr: Uint8Array.of(10, 0, 0, 7),
    sourcePort: 8000,
    sourceNode: "m7",
  };

  /** A helper that knows the target and has been asked at time 0. */
  function helping(over: Partial<IndirectPing> = {}) {
    const node = silent();
    node.hear(aliveOf("m8", { addr: Uint8Array.of(10, 0, 0, 8) }), 0);
    const [packet] = packetsOf(node.hear({ ...ask, ...over }, 0));
    const [sent] = packet?.messages ?? [];
    assert.ok(sent?.type === "ping");
    return { node, packet, sent };
  }

  it("is relayed under our own number, its ack under the asker's (Go: TestHandleIndirectPing)", () => {
    const { node, packet, sent } = helping();
    assert.equal(packet?.to, "10.0.0.8:7946");
    assert.equal(sent.sourceNode, "a");
    assert.notEqual(sent.seqNo, 100);
    const out = node.hear({ type: "ack", seqNo: sent.seqNo, payload: Uint8Array.of(1) }, 50);
    const [relayed] = packetsOf(out);
    assert.equal(relayed?.to, "10.0.0.7:8000");
    assert.deepEqual(relayed?.messages[0], { type: "ack", seqNo: 100, payload: null });
    assert.deepEqual(packetsOf(node.run(5000)), []);
  });

  it("is admitted to have failed after 80 % of the timeout (memberlist.md 8.3, 4)", () => {
    const { node } = helping();
    assert.deepEqual(packetsOf(node.run(399)), []);
    const [nack] = packetsOf(node.run(400));
    assert.deepEqual(nack?.messages[0], { type: "nack", seqNo: 100 });
    assert.equal(nack?.to, "10.0.0.7:8000");
  });

  it("is still acked in the last fifth, and never after", () => {
    const early = helping();
    early.node.run(400);
    const late = early.node.hear({ type: "ack", seqNo: early.sent.seqNo, payload: null }, 480);
    assert.equal(packetsOf(late)[0]?.messages[0]?.type, "ack");
    const expired = helping();
    expired.node.run(500);
    const out = expired.node.hear({ type: "ack", seqNo: expired.sent.seqNo, payload: null }, 501);
    assert.deepEqual(packetsOf(out), []);
  });

  it("brings no nack to those who want none", () => {
    const { node } = helping({ nack: false });
    assert.deepEqual(packetsOf(node.run(5000)), []);
  });

  it("toward strangers and in masses is limited (memberlist.md 8.1)", () => {
    const node = silent({ unsolicitedPerSecondMax: 10, relaysMax: 5 });
    node.hear(aliveOf("m7", { addr: Uint8Array.of(10, 0, 0, 7), port: 8000 }), 0);
    let sent = 0;
    for (let i = 0; i < 100; i++) {
      sent += packetsOf(node.hear({ ...ask, seqNo: i, node: "stranger" }, 0)).length;
    }
    assert.equal(sent, 5);
    assert.ok(node.machine.counters.reflectionsRefused > 0);
  });
});

describe("packets", () => {
  it("get a CRC where the receiver is known to understand it (Go: TestRawSendUdp_CRC)", () => {
    const node = silent();
    const old = Uint8Array.of(1, 4, 2, 0, 0, 0);
    node.hear(aliveOf("new", { addr: Uint8Array.of(10, 0, 0, 8) }), 0);
    node.hear(aliveOf("old", { addr: Uint8Array.of(10, 0, 0, 6), vsn: old }), 0);
    const first = (to: string): number | undefined => {
      node.command({ type: "sendBestEffort", to, payload: Uint8Array.of(1) }, 1);
      return packetsOf(node.effects).at(-1)?.bytes[0];
    };
    assert.equal(first("new"), 12);
    assert.equal(first("old"), 8);
    assert.equal(packetsOf(node.hear(ping(), 2))[0]?.bytes[0] === 12, false);
  });

  it("that can't be read are counted by reason and told of, but not too often", () => {
    const node = silent({ wire: { label: "blue" } });
    const plain = codecs().packet.seal([encodeMessage(ping())], false);
    const out = [];
    for (let i = 0; i < 100; i++) {
      out.push(...node.give({ type: "packet", from: "10.0.0.9:1", bytes: plain }, 0));
    }
    assert.equal(node.machine.counters.dropped.label, 100);
    assert.equal(eventsOf(out, "dropped").length, 20);
    assert.equal(packetsOf(out).length, 0);
  });

  it("of nothing and of noise do no harm (Go: TestHandleCommand, TestIngestPacket_CRC)", () => {
    const node = silent();
    for (const bytes of [[], [99], [7], [9], [12, 0, 0, 0, 1, 0], [0, 0xc1]]) {
      node.give({ type: "packet", from: "10.0.0.9:1", bytes: Uint8Array.from(bytes) }, 0);
    }
    const { dropped } = node.machine.counters;
    assert.equal(Object.values(dropped).reduce((sum, n) => sum + n, 0), 6);
    assert.equal(dropped.crc, 1);
  });

  for (const size of [600, 1400, 9000]) {
    it(`never exceed ${size} bytes, whatever is queued`, () => {
      const node = started({
        ...QUIET,
        gossipIntervalMs: 200,
        packetBytesMax: size,
        wire: { label: "label" },
      });
      for (let i = 1; i <= 200; i++) {
        const meta = new Uint8Array((i * 37) % 400).fill(i);
        node.hear(aliveOf(`member-${i}`, { addr: Uint8Array.of(10, 0, 2, i), meta }), 0);
        node.command({ type: "userBroadcast", payload: new Uint8Array((i * 13) % 300) }, 0);
      }
      for (let at = 0; at < 20_000; at += 100) {
        node.run(at);
        node.hear(ping({ seqNo: at }), at);
      }
      const packets = node.effects.filter((e) => e.type === "packet");
      assert.ok(packets.length > 100);
      const largest = Math.max(...packets.map((p) => p.bytes.length));
      assert.ok(largest <= size, `${largest}`);
      assert.ok(largest > size - 60, `${largest} wastes room`);
    });
  }

  it("hold a lone message that only fits without a compound", () => {
    const node = started({ ...QUIET, gossipIntervalMs: 200 });
    node.hear(aliveOf("m"), 0);
    while (node.machine.queued.members > 0) node.hear(ping(), 0);
    const payload = new Uint8Array(1400 - node.codec.packet.overhead() - 1);
    node.command({ type: "userBroadcast", payload }, 0);
    assert.deepEqual(packetsOf(node.run(400))[0]?.messages, [{ type: "user", payload }]);
  });

  it("hold at most 255 parts (memberlist.md 8.3, 1)", () => {
    const node = started({ ...QUIET, gossipIntervalMs: 200, packetBytesMax: 9000 });
    node.hear(aliveOf("m"), 0);
    for (let i = 0; i < 700; i++) {
      node.command({ type: "userBroadcast", payload: Uint8Array.of(1) }, 0);
    }
    const packets = packetsOf(node.run(400));
    const user = packets.map((p) => p.messages.length);
    assert.ok(Math.max(...user) === 255, `${user}`);
  });
});

describe("user messages", () => {
  it("too large for a packet are refused with an error (memberlist.md 8.4, 8)", () => {
    const node = silent();
    node.hear(aliveOf("m"), 0);
    const room = 1400 - node.codec.packet.overhead() - 1;
    const fits = new Uint8Array(room);
    const over = new Uint8Array(room + 1);
    assert.deepEqual(node.result(node.command({ type: "userBroadcast", payload: fits }, 0)), {
      ok: true,
    });
    for (
      const command of [
        { type: "userBroadcast", payload: over },
        { type: "sendBestEffort", to: "m", payload: over },
      ] as const
    ) {
      const result = node.result(node.command(command, 0));
      assert.ok(result?.ok === false && result.code === "too-large");
    }
    assert.equal(node.machine.counters.broadcastsRefused, 2);
    assert.equal(node.machine.queued.user, 1);
  });

  it("get their share of packets full of member news", () => {
    const node = started({ ...QUIET, gossipIntervalMs: 200 });
    for (let i = 1; i <= 200; i++) {
      node.hear(
        aliveOf(`m${i}`, { addr: Uint8Array.of(10, 0, 2, i), meta: new Uint8Array(100) }),
        0,
      );
    }
    node.command({ type: "userBroadcast", payload: new Uint8Array(200) }, 0);
    const packets = packetsOf(node.run(200));
    assert.ok(packets.length > 0);
    for (const { messages } of packets) {
      assert.equal(messages.filter((m) => m.type === "user").length, 1);
      assert.ok(messages.some((m) => m.type === "alive"));
    }
  });

  it("do not hold back member news that needs a whole packet", () => {
    const node = started({ ...QUIET, gossipIntervalMs: 200, remoteMetaBytesMax: 4096 });
    node.hear(aliveOf("big", { meta: new Uint8Array(1200) }), 0);
    for (let i = 0; i < 500; i++) {
      node.command({ type: "userBroadcast", payload: new Uint8Array(90) }, 0);
    }
    const heard = packetsOf(node.run(2000)).flatMap((p) => p.messages);
    assert.ok(heard.some((m) => m.type === "alive" && m.node === "big"));
  });

  it("are limited in number, the most sent going first", () => {
    const node = silent({ userBroadcastsMax: 10 });
    for (let i = 0; i < 30; i++) {
      node.command({ type: "userBroadcast", payload: Uint8Array.of(i) }, 0);
    }
    assert.equal(node.machine.queued.user, 10);
    assert.equal(node.machine.counters.queueOverflow, 20);
  });

  it("reach one member by packet or by stream (Go: TestMemberlist_SendTo)", () => {
    const node = silent();
    node.hear(aliveOf("m"), 0);
    const payload = Uint8Array.of(1, 2, 3);
    const fast = node.command({ type: "sendBestEffort", to: "m", payload }, 1);
    assert.deepEqual(packetsOf(node.effects).at(-1)?.messages, [{ type: "user", payload }]);
    assert.deepEqual(node.result(fast), { ok: true });
    const sure = node.command({ type: "sendReliable", to: "m", payload }, 1);
    const dial = node.effects.find((e) => e.type === "dial");
    assert.ok(dial?.type === "dial");
    assert.equal(dial.to, "10.0.0.200:7946");
    assert.deepEqual(readStream(dial.request, true), { type: "user", payload });
    assert.equal(node.result(sure), undefined);
    node.give({ type: "connected", stream: dial.stream }, 2);
    assert.deepEqual(node.result(sure), { ok: true });
    node.give({ type: "streamClosed", stream: dial.stream }, 3);
    const lost = node.command({ type: "sendReliable", to: "m", payload }, 4);
    const second = node.effects.findLast((e) => e.type === "dial");
    assert.ok(second?.type === "dial" && second.stream !== dial.stream);
    node.give({ type: "streamClosed", stream: second.stream, error: "refused" }, 5);
    const result = node.result(lost);
    assert.ok(result?.ok === false && result.code === "unreachable");
  });
});

describe("accepted streams", () => {
  const from = "10.0.0.9:5000";

  it("with a ping are acked, for another name closed (Go: TestTCPPing)", () => {
    const node = silent();
    for (const [stream, name] of [[-1, "a"], [-2, "b"]] as const) {
      node.give({ type: "accepted", stream, from }, 0);
      const bytes = codecs().stream.request({ type: "ping", seqNo: 5, node: name });
      const out = node.give({ type: "streamData", stream, bytes }, 1);
      const [effect] = out;
      if (name === "b") assert.deepEqual(out, [{ type: "close", stream }]);
      else {
        assert.ok(effect?.type === "reply");
        assert.deepEqual(readStream(effect.bytes), { type: "ack", seqNo: 5, payload: null });
      }
    }
  });

  it("with a user message tell it, byte by byte as well", () => {
    const node = silent();
    node.give({ type: "accepted", stream: -1, from }, 0);
    const payload = Uint8Array.of(5, 6);
    const out = [];
    for (const byte of codecs().stream.request({ type: "user", payload })) {
      const bytes = Uint8Array.of(byte);
      out.push(...node.give({ type: "streamData", stream: -1, bytes }, 1));
    }
    assert.deepEqual(eventsOf(out, "user"), [{ type: "user", from, payload, reliable: true }]);
  });

  for (
    const [what, request] of [
      ["10 million nodes", { nodes: 10_000_000, state: 0 }],
      ["30 MB of user state", { nodes: 0, state: 30_000_000 }],
    ] as const
  ) {
    it(`that announce ${what} are closed (Go: TestReadRemoteState_Limits)`, () => {
      const node = silent();
      node.give({ type: "accepted", stream: -1, from }, 0);
      const int = (n: number) => [0xce, n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
      const text = (s: string) => [0xa0 | s.length, ...[...s].map((c) => c.charCodeAt(0))];
      const header = [6, 0x83, ...text("Join"), 0xc2, ...text("Nodes"), ...int(request.nodes)];
      const bytes = Uint8Array.from([...header, ...text("UserStateLen"), ...int(request.state)]);
      const out = node.give({ type: "streamData", stream: -1, bytes }, 1);
      assert.ok(out.some((e) => e.type === "close" && e.stream === -1));
      assert.equal(out.some((e) => e.type === "reply"), false);
    });
  }

  it("count beside those whose reply is still being written", () => {
    const node = silent({ acceptedStreamsMax: 3 });
    assert.deepEqual(node.give({ type: "accepted", stream: -1, from, replying: 2 }, 0), []);
    const second = node.give({ type: "accepted", stream: -2, from, replying: 2 }, 0);
    assert.deepEqual(second, [{ type: "close", stream: -2 }]);
    assert.equal(node.machine.counters.streamsRefused, 1);
    assert.deepEqual(node.give({ type: "accepted", stream: -3, from, replying: 1 }, 1), []);
  });

  it("beyond the limit are closed", () => {
    const node = silent({ acceptedStreamsMax: 2 });
    for (const stream of [-1, -2]) {
      assert.deepEqual(node.give({ type: "accepted", stream, from }, 0), []);
    }
    const third = node.give({ type: "accepted", stream: -3, from }, 0);
    assert.deepEqual(third, [{ type: "close", stream: -3 }]);
    assert.equal(node.machine.counters.streamsRefused, 1);
    node.give({ type: "streamClosed", stream: -1 }, 1);
    assert.deepEqual(node.give({ type: "accepted", stream: -4, from }, 2), []);
  });

  it("that say nothing are closed in time", () => {
    const node = silent({ profile: "local", ...QUIET });
    node.give({ type: "accepted", stream: -1, from }, 0);
    assert.deepEqual(node.run(999), []);
    assert.deepEqual(node.run(1000), [{ type: "close", stream: -1 }]);
    assert.equal(node.machine.counters.streamsExpired, 1);
    assert.equal(node.machine.nextDeadline(), undefined);
  });

  it("that together hold too much are closed", () => {
    const node = silent({ streamBufferBytesMax: 2000 });
    const bytes = codecs().stream.request({ type: "user", payload: new Uint8Array(5000) })
      .subarray(0, 1500);
    node.give({ type: "accepted", stream: -1, from }, 0);
    node.give({ type: "accepted", stream: -2, from }, 0);
    assert.deepEqual(node.give({ type: "streamData", stream: -1, bytes }, 1), []);
    const out = node.give({ type: "streamData", stream: -2, bytes }, 1);
    assert.deepEqual(out, [{ type: "close", stream: -2 }]);
    node.give({ type: "streamClosed", stream: -1 }, 2);
    node.give({ type: "accepted", stream: -3, from }, 3);
    assert.deepEqual(node.give({ type: "streamData", stream: -3, bytes }, 3), []);
  });

  it("that break or come late are forgotten without a word", () => {
    const node = silent();
    node.give({ type: "accepted", stream: -1, from }, 0);
    assert.deepEqual(node.give({ type: "streamClosed", stream: -1, error: "reset" }, 1), []);
    const late = node.give({ type: "streamData", stream: -1, bytes: Uint8Array.of(6) }, 2);
    assert.deepEqual(late, []);
    assert.deepEqual(node.give({ type: "connected", stream: 77 }, 2), []);
  });

  it("with something that is no request are closed and counted", () => {
    const node = silent();
    node.give({ type: "accepted", stream: -1, from }, 0);
    const bytes = codecs().stream.reply({ type: "err", error: "no" });
    const out = node.give({ type: "streamData", stream: -1, bytes }, 1);
    assert.ok(out.some((e) => e.type === "close"));
    const { dropped } = node.machine.counters;
    assert.equal(Object.values(dropped).reduce((sum, n) => sum + n, 0), 1);
  });
});

describe("a machine", () => {
  it("does the same again for the same seed, and something else for another", () => {
    const run = (seed: number): string => {
      const node = started({ seed });
      for (let i = 1; i <= 9; i++) {
        node.hear(aliveOf(`m${i}`, { addr: Uint8Array.of(10, 0, 1, i) }), i);
      }
      node.hear(suspectOf("m3", "m4"), 50);
      node.run(20_000);
      return JSON.stringify(node.effects, (_, v) => v instanceof Uint8Array ? [...v] : v);
    };
    assert.equal(run(7), run(7));
    assert.notEqual(run(7), run(8));
  });
});
