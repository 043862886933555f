import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { encodeMessage } from "../../../src/core/wire/encode.ts";
import type { PacketMessage, PushPullNode } from "../../../src/core/wire/messages.ts";
import { codecs, started, TestNet, VSN } from "./harness.ts";

const ROUNDS = 4000;

/** Any message at all, with names and numbers from a small set so that they meet. */
function anyMessage(rng: Rng): PacketMessage {
  const pick = <T>(items: readonly T[]): T => items[rng.below(items.length)] as T;
  const node = pick(["a", "b", "c", "d", "", "x".repeat(300)]);
  const from = pick(["a", "b", "c", "nobody", ""]);
  const incarnation = pick([0, 1, 2, 3, 7, 0xffff_0000, 0xffff_fffe, 0xffff_ffff]);
  const seqNo = rng.below(20);
  const addr = pick([
    Uint8Array.of(10, 0, 0, 1),
    Uint8Array.of(10, 0, 0, 2),
    new Uint8Array(4),
    new Uint8Array(16),
    new Uint8Array(16).fill(255),
    new Uint8Array(0),
    new Uint8Array(7).fill(1),
  ]);
  const port = pick([0, 1, 7946, 65_535]);
  const source = { sourceAddr: addr, sourcePort: port, sourceNode: from };
  const meta = pick([null, new Uint8Array(0), new Uint8Array(600), new Uint8Array(5000)]);
  const vsn = pick([VSN, VSN, null, new Uint8Array(6), Uint8Array.of(1, 5)]);
  return pick<PacketMessage>([
    { type: "ping", seqNo, node, ...source },
    { type: "indirectPing", seqNo, node, target: addr, port, nack: rng.chance(0.5), ...source },
    { type: "ack", seqNo, payload: meta },
    { type: "nack", seqNo },
    { type: "suspect", node, from, incarnation },
    { type: "dead", node, from, incarnation },
    { type: "alive", node, incarnation, addr, port, meta, vsn },
    { type: "user", payload: new Uint8Array(rng.below(50)) },
  ]);
}

describe("hostile input", () => {
  it("in any order neither throws nor breaks the table", () => {
    for (const seed of [1, 2, 3]) {
      const rng = new Rng(seed);
      const node = started({ seed, membersMax: 50 });
      let now = 0;
      for (let i = 0; i < ROUNDS; i++) {
        now += rng.below(200);
        node.run(now);
        const messages = Array.from({ length: 1 + rng.below(4) }, () => anyMessage(rng));
        const sender = `10.0.0.${1 + rng.below(5)}:7946`;
        node.hear(messages, now, sender);
        const stream = rng.below(40) - 20;
        const bytes = Uint8Array.from({ length: rng.below(30) }, () => rng.below(256));
        node.give({ type: "accepted", stream, from: sender }, now);
        node.give({ type: "streamData", stream, bytes }, now);
        if (rng.chance(0.3)) node.give({ type: "streamClosed", stream }, now);
        if (rng.chance(0.1)) node.give({ type: "packet", from: sender, bytes }, now);
        node.effects.length = 0;
        assert.equal(node.state("a"), "alive");
        assert.equal(node.machine.memberCount, node.live().length);
      }
      assert.equal(node.machine.self.address, "10.0.0.1:7946");
    }
  });

  it("as rows of a push/pull neither throws nor breaks the table", () => {
    const rng = new Rng(9);
    const node = started();
    for (let i = 1; i <= 500; i++) {
      const nodes: PushPullNode[] = [];
      for (let row = 0; row < 10; row++) {
        const message = anyMessage(rng);
        if (message.type !== "alive") continue;
        const { node: name, addr, port, meta, incarnation, vsn } = message;
        nodes.push({ name, addr, port, meta, incarnation, vsn, state: rng.below(6) });
      }
      const userState = new Uint8Array(rng.below(10));
      const bytes = codecs().stream.request({ type: "pushPull", join: true, nodes, userState });
      node.give({ type: "accepted", stream: -i, from: "10.0.0.9:5000" }, i * 10);
      const out = node.give({ type: "streamData", stream: -i, bytes }, i * 10);
      assert.equal(out.filter((e) => e.type === "reply").length, 1);
      node.effects.length = 0;
    }
    assert.equal(node.state("a"), "alive");
    assert.equal(node.machine.memberCount, node.live().length);
  });

  it("of too many pings in one packet is answered within bounds", () => {
    const node = started({ unsolicitedPerSecondMax: 16 });
    const ping: PacketMessage = {
      type: "ping",
      seqNo: 1,
      node: "",
      sourceAddr: Uint8Array.of(10, 9, 9, 9),
      sourcePort: 53,
      sourceNode: "victim",
    };
    const parts = Array.from({ length: 255 }, () => encodeMessage(ping));
    const bytes = node.codec.packet.seal(parts, false);
    const out = node.give({ type: "packet", from: "10.0.0.9:1", bytes }, 0);
    assert.equal(out.filter((e) => e.type === "packet" && e.to === "10.9.9.9:53").length, 32);
  });
});

describe("a network that loses 30 % of its packets", () => {
  it("kills nobody who lives, and forgets nobody", () => {
    const net = new TestNet(5);
    const nodes = net.cluster(8);
    const rng = new Rng(30);
    net.passes = (_from, _to, kind) => kind === "stream" || !rng.chance(0.3);
    net.run(300_000);
    for (const node of nodes) {
      assert.equal(node.live().length, 8);
      assert.equal(node.events("gone").length, 0);
    }
  });
});
