import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Cipher } from "../../../src/core/wire/cipher.ts";
import type { WireConfig } from "../../../src/core/wire/contract.ts";
import { eventsOf, packetsOf, TestNet, type TestNode } from "./harness.ts";

/** Not secret at all, but as demanding as AES-GCM: key and associated data must match. */
function testCipher(key: number): Cipher {
  const mark = (aad: Uint8Array): number => aad.reduce((sum, b) => (sum * 31 + b) & 255, key);
  return {
    seal(plain, aad) {
      const out = new Uint8Array(28 + plain.length);
      out.set(plain.map((b) => b ^ key), 12);
      out.fill(mark(aad), 12 + plain.length);
      return out;
    },
    open(sealed, aad) {
      if (sealed.length < 28) return undefined;
      const expected = mark(aad);
      for (let i = sealed.length - 16; i < sealed.length; i++) {
        if (sealed[i] !== expected) return undefined;
      }
      return sealed.slice(12, -16).map((b) => b ^ key);
    },
  };
}

function keyed(...keys: number[]): Partial<WireConfig> {
  const ciphers = keys.map(testCipher);
  return { keyring: { ciphers: () => ciphers } };
}

function pair(net: TestNet): [TestNode, TestNode] {
  return net.nodes as [TestNode, TestNode];
}

function joined(net: TestNet, from: TestNode, to: TestNode): ReturnType<TestNode["result"]> {
  const op = net.command(from, { type: "join", addresses: [to.address] });
  net.run(12_000);
  return from.result(op);
}

describe("joining", () => {
  it("makes two nodes know each other (Go: TestMemberlist_Join)", () => {
    const net = new TestNet();
    const a = net.add();
    const b = net.add();
    assert.deepEqual(joined(net, b, a), { ok: true, joined: 1, failures: [] });
    for (const node of [a, b]) assert.deepEqual(node.live(), ["n1", "n2"]);
    assert.deepEqual(a.events("joined").map((e) => e.member.name), ["n1", "n2"]);
  });

  it("counts successes and names failures, several at a time", () => {
    const net = new TestNet();
    const [first] = net.cluster(3);
    const late = net.add();
    const addresses = ["10.0.0.1:7946", "10.0.0.2:7946", "10.9.9.9:7946", "nonsense", late.address];
    const op = net.command(late, { type: "join", addresses });
    net.run(100);
    const result = late.result(op);
    assert.ok(result?.ok === true);
    assert.equal(result.joined, 2);
    assert.deepEqual(result.failures?.map((f) => f.split(":")[0]), ["nonsense", "10.9.9.9"]);
    assert.equal(first?.live().length, 4);
  });

  it("fails when nobody answers in time (Go: TestMemberlist_Join_DeadNode)", () => {
    const net = new TestNet();
    const a = net.add();
    const b = net.add({ profile: "local" });
    net.passes = () => false;
    const op = net.command(b, { type: "join", addresses: [a.address] });
    net.run(999);
    assert.equal(b.result(op), undefined);
    net.run(1);
    const result = b.result(op);
    assert.ok(result?.ok === false && result.code === "join-failed");
    assert.match(result.message, /10\.0\.0\.1:7946: .*\(timeout\)/);
  });

  it("ourselves or nobody is no failure", () => {
    const net = new TestNet();
    const a = net.add();
    assert.deepEqual(joined(net, a, a), { ok: true, joined: 0, failures: [] });
  });

  it("needs names where they are required", () => {
    const net = new TestNet();
    const a = net.add();
    const b = net.add({ requireNodeNames: true });
    assert.equal(joined(net, b, a)?.ok, false);
    const op = net.command(b, { type: "join", addresses: [`n1/${a.address}`] });
    net.run(100);
    assert.equal(b.result(op)?.ok, true);
  });

  it("can be refused by the merge delegate (Go: TestMemberlist_Join_Cancel)", () => {
    const net = new TestNet();
    const seen: string[][] = [];
    const delegate = {
      refuseMerge: (members: readonly { readonly name: string }[]) => {
        seen.push(members.map((m) => m.name));
        return "custom";
      },
    };
    const a = net.add({ delegate });
    const b = net.add({ delegate });
    const result = joined(net, b, a);
    assert.ok(result?.ok === false && /custom/.test(result.message));
    assert.deepEqual([a.live(), b.live()], [["n1"], ["n2"]]);
    assert.deepEqual(seen, [["n2"], ["n1"]]);
  });

  it("works across protocol versions 2 to 5 (Go: TestMemberlist_Join_protocolVersions)", () => {
    const net = new TestNet();
    const nodes = [2, 3, 4, 5].map((protocolVersion) =>
      net.add({ protocolVersion, wire: { protocolVersion } })
    );
    for (const node of nodes.slice(1)) joined(net, node, nodes[0] as TestNode);
    net.run(5000);
    for (const node of nodes) assert.equal(node.live().length, 4);
  });

  it("fails with another label, and without (Go: TestMemberlist_Join_with_Labels_and_Encryption)", () => {
    for (const key of [{}, keyed(7)]) {
      const net = new TestNet();
      const a = net.add({ profile: "local", wire: { label: "blah", ...key } });
      const b = net.add({ profile: "local", wire: { label: "blah", ...key } });
      const c = net.add({ profile: "local", wire: { label: "not-blah", ...key } });
      const d = net.add({ profile: "local", wire: key });
      assert.equal(joined(net, b, a)?.ok, true);
      assert.equal(joined(net, c, a)?.ok, false);
      assert.equal(joined(net, d, a)?.ok, false);
      assert.deepEqual(a.live(), ["n1", "n2"]);
      assert.ok(a.machine.counters.dropped.label > 0);
    }
  });

  it("fails with another key, and says so (Go: TestGossip_MismatchedKeys)", () => {
    const net = new TestNet();
    const a = net.add({ profile: "local", wire: keyed(4) });
    const b = net.add({ profile: "local", wire: keyed(5) });
    const result = joined(net, b, a);
    assert.ok(result?.ok === false);
    assert.match(result.message, /decrypt|key/);
    assert.ok(a.machine.counters.dropped.decrypt > 0);
  });

  it("survives the four steps from plaintext to encryption (Go: TestMemberlist_EncryptedGossipTransition)", () => {
    // Old steps beside new ones, as in a rolling restart: each neighbour pair of steps must understand each other.
    const steps: Partial<WireConfig>[] = [
      {},
      { ...keyed(9), verifyIncoming: false, verifyOutgoing: false },
      { ...keyed(9), verifyIncoming: false, verifyOutgoing: true },
      { ...keyed(9), verifyIncoming: true, verifyOutgoing: true },
    ];
    for (let i = 0; i + 1 < steps.length; i++) {
      const net = new TestNet();
      const before = net.add({ wire: steps[i] ?? {} });
      const after = net.add({ wire: steps[i + 1] ?? {} });
      assert.equal(joined(net, after, before)?.ok, true, `step ${i}`);
      net.run(30_000);
      for (const node of pair(net)) {
        assert.deepEqual(node.live(), ["n1", "n2"]);
        assert.equal(node.machine.counters.probesFailed, 0);
      }
    }
  });
});

describe("user state and messages", () => {
  it("both states and 256 small broadcasts arrive (Go: TestMemberlist_UserData)", () => {
    const net = new TestNet();
    const merged: string[] = [];
    const delegate = (own: number) => ({
      localState: () => Uint8Array.of(own),
      mergeRemoteState: (state: Uint8Array, join: boolean) => {
        merged.push(`${own} got ${state} ${join}`);
      },
    });
    const a = net.add({ delegate: delegate(1) });
    const b = net.add({ delegate: delegate(2) });
    joined(net, b, a);
    assert.deepEqual(merged, ["1 got 2 true", "2 got 1 true"]);
    for (let i = 0; i < 256; i++) {
      net.command(a, { type: "userBroadcast", payload: Uint8Array.of(i, 1) });
    }
    net.run(5000);
    const heard = new Set(b.events("user").map((e) => e.payload[0]));
    assert.equal(heard.size, 256);
    assert.equal(b.events("user")[0]?.from, a.address);
    assert.equal(a.machine.queued.user, 0);
  });
});

describe("metadata", () => {
  it("spreads, also when it changes (Go: TestMemberlist_delegateMeta, TestMemberlist_delegateMeta_Update)", () => {
    const net = new TestNet();
    const nodes = net.cluster(4, { meta: Uint8Array.of(1) });
    const [first] = nodes;
    assert.ok(first !== undefined);
    const op = net.command(first, { type: "setMeta", meta: Uint8Array.of(2), timeoutMs: 5000 });
    net.run(3000);
    assert.deepEqual(first.result(op), { ok: true });
    for (const node of nodes) {
      assert.deepEqual(node.machine.member("n1")?.meta, Uint8Array.of(2));
      assert.equal(node.events("updated").length, 1);
    }
  });

  it("above the limit is an error, and nothing changes (memberlist.md 8.4, 15)", () => {
    const net = new TestNet();
    const a = net.add();
    const op = net.command(a, { type: "setMeta", meta: new Uint8Array(513), timeoutMs: 0 });
    const result = a.result(op);
    assert.ok(result?.ok === false && result.code === "too-large");
    assert.equal(a.machine.self.incarnation, 1);
  });

  it("set twice settles both (memberlist.md 8.3, 12)", () => {
    const net = new TestNet();
    const [a] = net.cluster(3);
    assert.ok(a !== undefined);
    const ops = [1, 2].map((n) =>
      net.command(a, { type: "setMeta", meta: Uint8Array.of(n), timeoutMs: 0 })
    );
    net.run(3000);
    for (const op of ops) assert.deepEqual(a.result(op), { ok: true });
  });

  it("times out when nobody can be reached to tell", () => {
    const net = new TestNet();
    const [a] = net.cluster(2, { gossipIntervalMs: 0 });
    assert.ok(a !== undefined);
    net.passes = () => false;
    const op = net.command(a, { type: "setMeta", meta: Uint8Array.of(1), timeoutMs: 100 });
    net.run(100);
    const result = a.result(op);
    assert.ok(result?.ok === false && result.code === "timeout");
  });
});

describe("leaving", () => {
  it("is seen as left, and done soon (Go: TestMemberlist_Leave)", () => {
    const net = new TestNet();
    const nodes = net.cluster(5);
    const last = nodes[4] as TestNode;
    const op = net.command(last, { type: "leave", timeoutMs: 5000 });
    const tookMs = net.runUntil("the leave is settled", () => last.result(op) !== undefined, 5000);
    assert.ok(tookMs <= 300, `${tookMs}`);
    assert.deepEqual(last.result(op), { ok: true });
    net.run(1000);
    for (const node of nodes) assert.equal(node.state("n5"), "left");
    assert.equal(nodes[0]?.events("gone")[0]?.member.state, "left");
  });

  it("tells some directly, without waiting for gossip (memberlist.md 8.4, 5)", () => {
    const net = new TestNet();
    const last = net.cluster(5)[4] as TestNode;
    const before = last.effects.length;
    net.command(last, { type: "leave", timeoutMs: 0 });
    const told = packetsOf(last.effects.slice(before)).map((p) => p.messages[0]);
    assert.equal(told.length, 3);
    for (const message of told) assert.ok(message?.type === "dead" && message.from === "n5");
  });

  it("counts what it told directly", () => {
    const net = new TestNet();
    const last = net.cluster(5, { retransmitMult: 3 })[4] as TestNode;
    const op = net.command(last, { type: "leave", timeoutMs: 0 });
    assert.deepEqual(last.result(op), { ok: true });
  });

  it("alone is done at once, and twice is no error", () => {
    const net = new TestNet();
    const a = net.add();
    for (let i = 0; i < 2; i++) {
      const op = net.command(a, { type: "leave", timeoutMs: 0 });
      assert.deepEqual(a.result(op), { ok: true });
    }
    assert.equal(a.machine.self.state, "left");
  });

  it("can be taken back on the same instance (memberlist.md 8.4, 5)", () => {
    const net = new TestNet();
    const nodes = net.cluster(4);
    const last = nodes[3] as TestNode;
    net.command(last, { type: "leave", timeoutMs: 0 });
    net.run(70_000);
    for (const node of nodes.slice(0, 3)) assert.equal(node.state("n4"), undefined);
    assert.equal(last.machine.self.state, "left");
    const refused = last.result(net.command(last, { type: "join", addresses: ["10.0.0.1:7946"] }));
    assert.ok(refused?.ok === false && refused.code === "closed");
    const op = net.command(last, { type: "rejoin" });
    assert.deepEqual(last.result(op), { ok: true });
    net.runUntil("all are back", () => nodes.every((n) => n.live().length === 4), 5000);
    assert.equal(eventsOf(last.effects, "joined").filter((e) => e.member.name === "n4").length, 2);
  });

  it("keeps others from killing us as we go: no refutation after a leave", () => {
    const net = new TestNet();
    const [a, b] = net.cluster(2) as [TestNode, TestNode];
    net.command(b, { type: "leave", timeoutMs: 0 });
    net.run(60_000);
    assert.equal(b.machine.counters.refutations, 0);
    assert.equal(a.events("gone").length, 1);
  });
});

describe("gossip", () => {
  it("reaches the dead only within their time (Go: TestMemberlist_GossipToDead)", () => {
    const net = new TestNet();
    const [a] = net.cluster(2, { gossipToTheDeadMs: 2000, probeIntervalMs: 0 }) as [
      TestNode,
      TestNode,
    ];
    a.hear({ type: "dead", node: "n2", incarnation: 1, from: "x" }, net.now);
    const sent = (until: number): number =>
      packetsOf(a.run(until)).filter((p) => p.to === "10.0.0.2:7946").length;
    a.command({ type: "userBroadcast", payload: Uint8Array.of(1) }, net.now);
    assert.ok(sent(net.now + 500) > 0);
    a.run(net.now + 2100);
    a.command({ type: "userBroadcast", payload: Uint8Array.of(2) }, net.now + 2100);
    assert.equal(sent(net.now + 5000), 0);
  });

  it("is silent when there is nothing to say", () => {
    const net = new TestNet();
    const [a] = net.cluster(3) as [TestNode];
    net.run(10_000);
    const before = a.effects.length;
    net.run(10_000);
    const types = new Set(packetsOf(a.effects.slice(before)).map((p) => p.messages[0]?.type));
    assert.deepEqual([...types].sort(), ["ack", "ping"]);
  });

  it("carries state by push/pull alone (Go: TestMemberlist_PushPull)", () => {
    const net = new TestNet();
    const nodes = net.cluster(3, { gossipIntervalMs: 0, pushPullIntervalMs: 1000 });
    for (const node of nodes) assert.equal(node.live().length, 3);
    assert.ok((nodes[0] as TestNode).events("merged").some((e) => !e.join));
  });
});
