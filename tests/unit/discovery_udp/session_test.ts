/** A session among hosts in memory, in virtual time: who is believed, and how much is sent. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Beacon, encodeBeacon } from "../../../adapters/discovery_udp/beacon.ts";
import { deriveBeaconKey } from "../../../adapters/discovery_udp/beacon_keys.ts";
import { udpDiscovery } from "../../../adapters/discovery_udp/udp_discovery.ts";
import type { Candidate, DiscoverySession, Frame } from "../../../mod.ts";
import { ManualClock, type MemoryNetwork, memoryNetwork } from "../../../src/testing/memory/mod.ts";
import { runtimeUnderTest } from "../../runtime_under_test.ts";

const platform = await runtimeUnderTest();
const PORT = 10100;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const never = new AbortController().signal;

/** Some hosts of a network. */
class Lan {
  readonly clock: ManualClock = new ManualClock();
  readonly network: MemoryNetwork = memoryNetwork({ clock: this.clock });
  readonly said: string[] = [];

  /** A session on a host of its own. */
  async node(nodeId: string, ip: string, keys: readonly Uint8Array[] = [KEY]): Promise<Node> {
    const { datagrams } = this.network.host(ip);
    const list = () => [{ name: "eth0", ip, prefix: 24, internal: false }];
    const runtime = {
      ...platform,
      clock: this.clock,
      datagrams,
      interfaces: { list, hostName: () => nodeId },
    };
    const provider = udpDiscovery({
      serviceName: "gw",
      port: PORT,
      allowedAddressSpace: ["10.0.0.0/24"],
    });
    const self = {
      nodeId,
      bootId: `${nodeId}-1`,
      region: "eu",
      ip,
      port: 10101,
      rpcPort: 10102,
      capabilities: [],
      version: "1",
    };
    const session = await provider.open({
      runtime,
      self,
      gossipKeys: () => keys,
      say: (_level, message, fields) => this.said.push(`${message} ${JSON.stringify(fields)}`),
      forgotten: () => {},
    });
    return new Node(session);
  }

  /** A stranger's socket: what it hears of beacons, and what it sends. */
  async stranger(ip: string): Promise<{ heard: Frame[]; shout(bytes: Uint8Array): void }> {
    const { datagrams } = this.network.host(ip);
    const heard: Frame[] = [];
    const socket = await datagrams.bind({
      ip: "0.0.0.0",
      port: PORT,
      broadcast: true,
      onFrame: (frame) => void heard.push(frame),
    });
    return { heard, shout: (bytes) => socket.send(`10.0.0.255:${PORT}`, bytes) };
  }

  beacon(changes: Partial<Beacon> = {}, key = KEY): Uint8Array {
    return encodeBeacon({
      kind: "beacon",
      isMember: true,
      wantsAnswers: false,
      nonce: new Uint8Array(16),
      sentAt: this.clock.wall(),
      count: 1,
      everyMs: 60_000,
      ip: "10.0.0.66",
      port: 10101,
      rpcPort: 0,
      serviceName: "gw",
      nodeId: "guest",
      bootId: "guest-1",
      region: "eu",
      ...changes,
    }, deriveBeaconKey(key));
  }
}

/** A session, and what it lists: the newest answer, kept up to date. */
class Node {
  readonly session: DiscoverySession;
  listed: readonly Candidate[] = [];
  answers = 0;

  constructor(session: DiscoverySession) {
    this.session = session;
  }

  /** Announces and goes on asking. */
  run(): void {
    void this.session.announce!(never);
    const ask = async (): Promise<void> => {
      for (;;) {
        this.listed = (await this.session.next(never)).candidates;
        this.answers++;
      }
    };
    ask().catch(() => {});
  }

  get names(): string {
    return this.listed.map(({ nodeId = "" }) => nodeId).sort().join(" ");
  }
}

describe("a UDP session", () => {
  it("believes who proves a key, and drops and tells the others", async () => {
    const lan = new Lan();
    const node = await lan.node("a", "10.0.0.1");
    const stranger = await lan.stranger("10.0.0.66");
    node.run();
    stranger.shout(lan.beacon({ nodeId: "forger" }, KEY.map((byte) => byte ^ 1)));
    await lan.clock.advance(100);
    stranger.shout(Uint8Array.of(1, 2, 3));
    stranger.shout(lan.beacon({ serviceName: "other" }));
    stranger.shout(lan.beacon());
    await lan.clock.advance(3_000);
    assert.equal(node.names, "guest");
    assert.deepEqual(lan.said, ['udp beacons dropped {"forged":1}'], "not for every datagram");
    await lan.clock.advance(60_000);
    stranger.shout(Uint8Array.of(1, 2, 3));
    await lan.clock.advance(100);
    assert.equal(lan.said[1], 'udp beacons dropped {"forged":1,"malformed":2,"service":1}');
    await node.session[Symbol.asyncDispose]();
  });

  it("believes nothing that was recorded earlier", async () => {
    const lan = new Lan();
    const node = await lan.node("a", "10.0.0.1");
    const stranger = await lan.stranger("10.0.0.66");
    node.run();
    const recorded = lan.beacon({ count: 5 });
    const answer = lan.beacon({ kind: "answer", nodeId: "ghost", bootId: "ghost-1" });
    const goodbye = lan.beacon({ kind: "goodbye", count: 6 });
    stranger.shout(recorded);
    await lan.clock.advance(2_000);
    assert.equal(node.names, "guest");
    stranger.shout(goodbye);
    await lan.clock.advance(2_000);
    assert.equal(node.names, "");
    await lan.clock.advance(200_000);
    stranger.shout(recorded);
    await lan.clock.advance(100);
    stranger.shout(answer);
    await lan.clock.advance(2_000);
    assert.equal(node.names, "");
    assert.match(lan.said.join("\n"), /stale/);
    await node.session[Symbol.asyncDispose]();
  });

  it("finds peers by answers whatever the clocks say", async () => {
    const lan = new Lan();
    const early = await lan.node("early", "10.0.0.1");
    early.run();
    await lan.clock.advance(20_000);
    const late = await lan.node("late", "10.0.0.2");
    late.run();
    await lan.clock.advance(1_500);
    assert.equal(late.names, "early");
    assert.equal(early.names, "late");
    for (const { session } of [early, late]) await session[Symbol.asyncDispose]();
  });

  it("sends one beacon in five seconds, and answers nobody, once all know each other", async () => {
    const lan = new Lan();
    const nodes: Node[] = [];
    for (let i = 0; i < 30; i++) nodes.push(await lan.node(`n${i}`, `10.0.0.${1 + i}`));
    for (const node of nodes) node.run();
    await lan.clock.advance(12_000);
    assert.ok(nodes.every(({ listed }) => listed.length === 29), "everybody knows everybody");
    const before = lan.network.counters.datagrams;
    const answers = nodes.map((node) => node.answers);
    await lan.clock.advance(20_000);
    // Every datagram is counted once for each of the hosts that it is carried to.
    const each = (lan.network.counters.datagrams - before) / 30 / 30;
    assert.ok(each >= 3 && each <= 5, `${each} beacons of each node in 20 seconds`);
    assert.deepEqual(nodes.map((node) => node.answers), answers, "no news, no answers");
    for (const { session } of nodes) await session[Symbol.asyncDispose]();
  });

  it("finds both halves again within 15 seconds after a partition", async () => {
    const lan = new Lan();
    const a = await lan.node("a", "10.0.0.1");
    const b = await lan.node("b", "10.0.0.2");
    for (const node of [a, b]) node.run();
    await lan.clock.advance(5_000);
    assert.equal(`${a.names} ${b.names}`, "b a");
    lan.network.disturb({ lossRatio: 1 });
    await lan.clock.advance(60_000);
    assert.equal(a.names + b.names, "");
    lan.network.disturb({});
    await lan.clock.advance(6_000);
    assert.equal(`${a.names} ${b.names}`, "b a");
    for (const { session } of [a, b]) await session[Symbol.asyncDispose]();
  });

  it("refuses a node whose name fits into no beacon", async () => {
    const lan = new Lan();
    await assert.rejects(lan.node("x".repeat(129), "10.0.0.1"), { code: "bad-config" });
  });
});
