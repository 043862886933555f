import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MembershipEffect } from "../../../src/core/membership/contract.ts";
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
  TestNet,
  TestNode,
  VSN,
} from "./harness.ts";

/** Probing only; one other member per address, the first is the target. */
const PROBING = { gossipIntervalMs: 0, pushPullIntervalMs: 0 } as const;

const addressOf = (i: number): string => `10.0.1.${i}:7946`;

/** A node that knows `m1`, `m2`, ... */
function among(count: number, options: NodeOptions = {}, vsn: Uint8Array = VSN): TestNode {
  const node = started({ ...PROBING, ...options });
  for (let i = 1; i <= count; i++) {
    node.hear(aliveOf(`m${i}`, { addr: Uint8Array.of(10, 0, 1, i), vsn }), 0);
  }
  return node;
}

/** Ticks until the node has sent a direct ping; answers it and when. */
function firstPing(
  node: TestNode,
): { ping: Ping; to: string; at: number; out: MembershipEffect[] } {
  for (;;) {
    const at = node.machine.nextDeadline();
    assert.ok(at !== undefined && at < 60_000);
    const out = node.give({ type: "tick" }, at);
    for (const { to, messages } of packetsOf(out)) {
      const [ping] = messages;
      if (ping?.type === "ping") return { ping, to, at, out };
    }
  }
}

function indirect(effects: readonly MembershipEffect[]): { to: string; ask: IndirectPing }[] {
  return packetsOf(effects).flatMap(({ to, messages }) =>
    messages[0]?.type === "indirectPing" ? [{ to, ask: messages[0] }] : []
  );
}

describe("a probe", () => {
  it("keeps an answering member alive (Go: TestMemberList_Probe, TestMemberList_ProbeNode)", () => {
    const node = among(1);
    const { ping, to, at } = firstPing(node);
    assert.equal(ping.seqNo, 1);
    assert.equal(ping.node, "m1");
    assert.deepEqual([...ping.sourceAddr ?? []], [10, 0, 0, 1]);
    assert.equal(ping.sourcePort, 7946);
    assert.equal(ping.sourceNode, "a");
    node.hear({ type: "ack", seqNo: 1, payload: null }, at + 20, to);
    node.run(at + 999);
    assert.equal(node.state("m1"), "alive");
    assert.equal(node.machine.member("m1")?.rttMs, 20);
    assert.equal(node.machine.counters.probesFailed, 0);
  });

  it("starts at a random phase, so that nodes started together do not beat together (memberlist.md 8.3, 3)", () => {
    const phases = [1, 2, 3, 4].map((seed) => firstPing(among(1, { seed })).at);
    assert.equal(new Set(phases).size, 4);
    for (const phase of phases) assert.ok(phase < 1000);
  });

  it("asks helpers, then suspects (Go: TestMemberList_ProbeNode_Suspect)", () => {
    const node = among(4);
    const { ping, to, at } = firstPing(node);
    const asked = indirect(node.run(at + 500));
    assert.equal(asked.length, 3);
    for (const { to: helper, ask } of asked) {
      assert.notEqual(helper, to);
      assert.equal(ask.seqNo, ping.seqNo);
      assert.equal(ask.node, ping.node);
      assert.equal(ask.nack, true);
      assert.equal(ask.sourceNode, "a");
    }
    node.run(at + 999);
    assert.equal(node.state(ping.node), "alive");
    node.run(at + 1000);
    assert.equal(node.state(ping.node), "suspect");
    assert.equal(node.machine.member(ping.node)?.evidence?.accuser, "a");
  });

  it("is satisfied by a relayed ack", () => {
    const node = among(4);
    const { ping, at } = firstPing(node);
    const [helper] = indirect(node.run(at + 500));
    node.hear({ type: "ack", seqNo: ping.seqNo, payload: null }, at + 700, helper?.to);
    node.run(at + 1000);
    assert.equal(node.state(ping.node), "alive");
    assert.equal(node.machine.member(ping.node)?.rttMs, undefined);
  });

  for (
    const [peers, confirmations, expectedMs] of [
      [1, 0, 500],
      [2, 0, 500],
      [3, 0, 500],
      [4, 0, 1000],
      [5, 0, 1000],
      [5, 1, 750],
      [5, 2, 603],
      [5, 3, 500],
      [5, 4, 500],
    ] as const
  ) {
    it(`among ${peers} peers with ${confirmations} confirmations ends in death after ${expectedMs} ms (Go: TestMemberList_ProbeNode_Suspect_Dogpile)`, () => {
      const node = among(peers, {
        probeIntervalMs: 100,
        probeTimeoutMs: 1,
        suspicionMult: 5,
        suspicionMaxTimeoutMult: 2,
        disableTcpPings: true,
      });
      const { ping, at } = firstPing(node);
      node.run(at + 100);
      assert.equal(node.state(ping.node), "suspect");
      for (let i = 0; i < confirmations; i++) {
        node.hear(suspectOf(ping.node, `peer${i}`), at + 100);
      }
      const since = node.machine.member(ping.node)?.evidence?.sinceMs;
      assert.equal(since, at + 100);
      const deadline = node.machine.member(ping.node)?.evidence?.deadlineMs;
      assert.equal(deadline, at + 100 + expectedMs);
      node.run(at + 99 + expectedMs);
      assert.equal(node.state(ping.node), "suspect");
      node.run(at + 100 + expectedMs);
      assert.equal(node.state(ping.node), "dead");
    });
  }

  it("tells a suspect what is said of it, which refutes in its ack (Go: TestMemberList_ProbeNode_Buddy)", () => {
    const node = among(1);
    node.hear(suspectOf("m1", "other"), 0);
    const { out, to } = firstPing(node);
    const [packet] = packetsOf(out);
    assert.deepEqual(packet?.messages.map((m) => m.type), ["ping", "suspect"]);

    const buddy = started({ ...PROBING, name: "m1", address: to });
    const answer = buddy.give({ type: "packet", from: "10.0.0.1:7946", bytes: packet.bytes }, 0);
    const ack = packetsOf(answer).find((p) => p.messages[0]?.type === "ack");
    const alive = ack?.messages.find((m) => m.type === "alive");
    assert.ok(alive?.type === "alive");
    assert.equal(alive.incarnation, 2);
  });

  it("that took longer than an interval is followed by the next at once", () => {
    const node = among(2, { disableTcpPings: true });
    node.hear(suspectOf("a", "other"), 0);
    const { ping, to, at } = firstPing(node);
    node.run(at + 1500);
    const out = node.hear({ type: "ack", seqNo: ping.seqNo, payload: null }, at + 1500, to);
    const [next] = packetsOf(out).flatMap((p) => p.messages);
    assert.ok(next?.type === "ping" && next.node !== ping.node);
  });

  it("that can't even be written asks the helpers at once", () => {
    const node = among(4);
    const { to, at } = firstPing(node);
    const out = node.give({ type: "packetFailed", to }, at + 1);
    assert.equal(indirect(out).length, 3);
  });

  it("accuses with the incarnation it saw at its start", () => {
    const node = among(1, { disableTcpPings: true });
    const { at } = firstPing(node);
    node.hear(aliveOf("m1", { addr: Uint8Array.of(10, 0, 1, 1), incarnation: 2 }), at + 10);
    node.run(at + 1000);
    assert.equal(node.state("m1"), "alive");
    assert.equal(node.machine.counters.probesFailed, 1);
  });
});

describe("local health", () => {
  /** One failed probe; `nacks` of the helpers admit failure. */
  function failedProbe(options: { nacks: number; vsn?: Uint8Array; score?: number }): TestNode {
    const node = among(4, { disableTcpPings: true }, options.vsn);
    for (let i = 0; i < (options.score ?? 0); i++) {
      node.hear(suspectOf("a", "other", node.machine.self.incarnation), 0);
    }
    const { ping, at } = firstPing(node);
    const waitMs = 1000 * ((options.score ?? 0) + 1);
    const asked = indirect(node.run(at + 500));
    asked.slice(0, options.nacks).forEach(({ to }) => {
      node.hear({ type: "nack", seqNo: ping.seqNo }, at + 600, to);
    });
    node.run(at + waitMs - 1);
    assert.equal(node.state(ping.node), "alive");
    node.run(at + waitMs);
    assert.equal(node.state(ping.node), "suspect");
    return node;
  }

  it("doubles the interval at score 1, and full nacks leave it there (Go: TestMemberList_ProbeNode_Awareness_Degraded)", () => {
    assert.equal(failedProbe({ nacks: 3, score: 1 }).machine.healthScore, 1);
  });

  it("is not bettered by nacks sent twice", () => {
    const node = among(4, { disableTcpPings: true });
    for (const incarnation of [1, 2]) node.hear(suspectOf("a", "other", incarnation), 0);
    assert.equal(node.machine.healthScore, 2);
    const { ping, at } = firstPing(node);
    node.run(at + 500);
    for (let i = 0; i < 9; i++) node.hear({ type: "nack", seqNo: ping.seqNo }, at + 600);
    node.run(at + 3000);
    assert.equal(node.machine.healthScore, 2);
  });

  it("suffers from missing nacks (Go: TestMemberList_ProbeNode_Awareness_MissedNack)", () => {
    assert.equal(failedProbe({ nacks: 2 }).machine.healthScore, 1);
    assert.equal(failedProbe({ nacks: 0 }).machine.healthScore, 3);
  });

  it("suffers once where nobody knows nacks (Go: TestMemberList_ProbeNode_Awareness_OldProtocol)", () => {
    const old = Uint8Array.of(1, 3, 2, 0, 0, 0);
    assert.equal(failedProbe({ nacks: 0, vsn: old }).machine.healthScore, 1);
  });

  it("improves with a good probe (Go: TestMemberList_ProbeNode_Awareness_Improved)", () => {
    const node = among(1);
    node.hear(suspectOf("a", "other"), 0);
    assert.equal(node.machine.healthScore, 1);
    const { to, at } = firstPing(node);
    const out = node.hear({ type: "ack", seqNo: 1, payload: null }, at + 5, to);
    assert.equal(node.machine.healthScore, 0);
    assert.deepEqual(eventsOf(out, "health"), [{ type: "health", score: 0 }]);
  });

  it("is not reduced by one dead peer, as nacks come in time (memberlist.md 8.3, 4)", () => {
    const net = new TestNet();
    const nodes = net.cluster(5);
    net.kill(nodes[4] as TestNode);
    let worst = 0;
    net.runUntil("everybody knows", () => {
      for (const node of nodes.slice(0, 4)) worst = Math.max(worst, node.machine.healthScore);
      return nodes.slice(0, 4).every((node) => node.state("n5") === "dead");
    }, 40_000);
    assert.equal(worst, 0);
  });

  it("hears of a late event loop", () => {
    const node = among(1);
    node.give({ type: "lag", lagMs: 100 }, 10);
    assert.equal(node.machine.healthScore, 0);
    node.give({ type: "lag", lagMs: 300 }, 400);
    assert.equal(node.machine.healthScore, 1);
    node.give({ type: "lag", lagMs: 900 }, 1500);
    assert.equal(node.machine.healthScore, 3);
    assert.equal(node.machine.counters.lags, 2);
  });

  it("counts one block once, however it is noticed", () => {
    const node = among(1);
    const at = node.machine.nextDeadline() ?? 0;
    node.give({ type: "tick" }, at + 3000);
    node.give({ type: "lag", lagMs: 3000 }, at + 3001);
    assert.equal(node.machine.counters.lags, 1);
  });

  it("hears of packets that waited, once per probe interval", () => {
    const node = among(1);
    const bytes = node.codec.packet.seal([encodeMessage({ type: "nack", seqNo: 7 })], false);
    for (let i = 0; i < 10; i++) {
      node.give({ type: "packet", from: addressOf(1), bytes, queuedMs: 400 }, i);
    }
    assert.equal(node.machine.healthScore, 1);
  });

  it("does not accuse after a block: the probe gets one more round, then the verdict falls", () => {
    const node = among(1, { disableTcpPings: true });
    const { at } = firstPing(node);
    // The process hangs for four seconds; the ack waits in the socket behind the timer.
    const out = node.give({ type: "tick" }, at + 4500);
    assert.equal(node.state("m1"), "alive");
    assert.deepEqual(packetsOf(out).map((p) => p.messages[0]?.type), ["ping"]);
    node.hear({ type: "ack", seqNo: 1, payload: null }, at + 4501, addressOf(1));
    assert.equal(node.state("m1"), "alive");
    assert.equal(node.machine.counters.probesFailed, 0);

    const silent = among(1, { disableTcpPings: true });
    const began = firstPing(silent).at;
    silent.give({ type: "tick" }, began + 4500);
    silent.run(began + 4500 + 3500);
    assert.equal(silent.state("m1"), "suspect");
  });

  it("lets nobody die right after a block", () => {
    const node = among(1, { disableTcpPings: true });
    node.hear(suspectOf("m1", "other"), 0);
    const deadline = node.machine.member("m1")?.evidence?.deadlineMs ?? 0;
    node.give({ type: "tick" }, deadline + 5000);
    assert.equal(node.state("m1"), "suspect");
    node.hear(
      aliveOf("m1", { addr: Uint8Array.of(10, 0, 1, 1), incarnation: 2 }),
      deadline + 5001,
    );
    assert.equal(node.state("m1"), "alive");
  });
});

describe("the fallback over TCP", () => {
  /** The dial of the first probe, 500 ms in. */
  function dialled(options: NodeOptions, vsn?: Uint8Array) {
    const node = among(1, options, vsn);
    const { at } = firstPing(node);
    const dial = node.run(at + 500).find((e) => e.type === "dial");
    return { node, at, dial };
  }

  it("keeps a member alive whose UDP is blocked, and says so (Go: TestMemberList_ProbeNode_FallbackTCP)", () => {
    const { node, at, dial } = dialled({});
    assert.ok(dial?.type === "dial");
    const request = readStream(dial.request, true);
    assert.ok(request.type === "ping" && request.seqNo === 1 && request.sourceNode === "a");
    node.give({ type: "connected", stream: dial.stream }, at + 510);
    const bytes = codecs().stream.reply({ type: "ack", seqNo: 1, payload: null });
    node.give({ type: "streamData", stream: dial.stream, bytes }, at + 520);
    const out = node.run(at + 1000);
    assert.equal(node.state("m1"), "alive");
    assert.equal(eventsOf(out, "udpBlocked")[0]?.member.name, "m1");
  });

  it("says of each member once a minute that its UDP is blocked, and counts every time", () => {
    const node = among(2, {});
    const told: { readonly name: string; readonly at: number }[] = [];
    const untilMs = 150_000;
    for (let now = 0; now < untilMs; now += 100) {
      for (const effect of node.run(now)) {
        if (effect.type === "event" && effect.event.type === "udpBlocked") {
          told.push({ name: effect.event.member.name, at: now });
        }
        if (effect.type !== "dial") continue;
        const request = readStream(effect.request, true);
        if (request.type !== "ping") continue;
        const bytes = codecs().stream.reply({ type: "ack", seqNo: request.seqNo, payload: null });
        node.give({ type: "connected", stream: effect.stream }, now);
        node.give({ type: "streamData", stream: effect.stream, bytes }, now);
      }
    }
    for (const name of ["m1", "m2"]) {
      const times = told.filter((one) => one.name === name).map(({ at }) => at);
      assert.equal(times.length, 3, `${name} at ${times.join(", ")}`);
      for (const [i, at] of times.entries()) {
        assert.ok(i === 0 || at - times[i - 1]! >= 60_000, `${name} at ${times.join(", ")}`);
      }
    }
    const { probes, probesByTcp } = node.machine.counters;
    assert.ok(probes > 100, `${probes} probes`);
    assert.ok(probes - probesByTcp <= 1, `${probesByTcp} of ${probes} by TCP`);
  });

  it("does not believe another number or another type (Go: TestTCPPing)", () => {
    for (
      const reply of [
        { type: "ack", seqNo: 2, payload: null },
        { type: "err", error: "x" },
      ] as const
    ) {
      const { node, at, dial } = dialled({});
      assert.ok(dial?.type === "dial");
      const bytes = codecs().stream.reply(reply);
      node.give({ type: "streamData", stream: dial.stream, bytes }, at + 520);
      node.run(at + 1000);
      assert.equal(node.state("m1"), "suspect");
    }
  });

  it("takes a closed port for unreachable, without an error (Go: TestTCPPing)", () => {
    const { node, at, dial } = dialled({});
    assert.ok(dial?.type === "dial");
    node.give({ type: "streamClosed", stream: dial.stream, error: "refused" }, at + 501);
    node.run(at + 1000);
    assert.equal(node.state("m1"), "suspect");
  });

  it("can be turned off, for all or for one (Go: TestMemberList_ProbeNode_FallbackTCP_Disabled)", () => {
    assert.equal(dialled({ disableTcpPings: true }).dial, undefined);
    assert.equal(dialled({ disableTcpPingsFor: ["m1"] }).dial, undefined);
    assert.ok(dialled({ disableTcpPingsFor: ["m2"] }).dial !== undefined);
  });

  it("is not tried with those who do not know it (Go: TestMemberList_ProbeNode_FallbackTCP_OldProtocol)", () => {
    assert.equal(dialled({}, Uint8Array.of(1, 2, 2, 0, 0, 0)).dial, undefined);
  });

  it("is closed with the probe", () => {
    const { node, at, dial } = dialled({});
    assert.ok(dial?.type === "dial");
    const out = node.hear({ type: "ack", seqNo: 1, payload: null }, at + 600, addressOf(1));
    assert.ok(out.some((e) => e.type === "close" && e.stream === dial.stream));
  });
});

describe("a single ping", () => {
  it("brings the round trip (Go: TestMemberList_Ping)", () => {
    const node = among(1, { probeIntervalMs: 0 });
    const op = node.command({ type: "ping", to: "m1" }, 10);
    node.hear({ type: "ack", seqNo: 1, payload: null }, 17, addressOf(1));
    assert.deepEqual(node.result(op), { ok: true, rttMs: 7 });
  });

  it("times out, and knows whom it does not know", () => {
    const node = among(1, { probeIntervalMs: 0 });
    const op = node.command({ type: "ping", to: "m1" }, 10);
    node.run(510);
    const result = node.result(op);
    assert.ok(result?.ok === false && result.code === "timeout");
    const stranger = node.result(node.command({ type: "ping", to: "m9" }, 10));
    assert.ok(stranger?.ok === false && stranger.code === "unknown-member");
  });

  it("tells the ping delegate round trip and payload of probes (Go: TestMemberlist_PingDelegate)", () => {
    const told: string[] = [];
    const node = among(1, {
      delegate: {
        pingCompleted: (member, rttMs, payload) => told.push(`${member.name} ${rttMs} ${payload}`),
      },
    });
    const { at } = firstPing(node);
    node.hear({ type: "ack", seqNo: 1, payload: Uint8Array.of(4, 2) }, at + 3, addressOf(1));
    assert.deepEqual(told, ["m1 3 4,2"]);
  });
});
