import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MdnsPacket, packet } from "../../../adapters/discovery_mdns/packet.ts";
import { Hub, type HubNode, peerRecords, record, type Sent, SERVICE } from "./hub.ts";

const PEER = "10.0.0.2";
const TARGET = `peer.${SERVICE}`;

/** A network with a node that only browses. */
function browsing(): { readonly hub: Hub; readonly node: HubNode } {
  const hub = new Hub();
  return { hub, node: hub.add({ nodeId: "me", ip: "10.0.0.1", registers: false }) };
}

/** Questions that a node has asked since the last look, as `time name type`. */
function asked(hub: Hub, type?: string): readonly Sent[] {
  return hub.sent.filter(({ from, packet }) =>
    from === "10.0.0.1" && packet.kind === "query" &&
    packet.questions.some((question) => type === undefined || question.type === type)
  );
}

const browse = (more: Partial<MdnsPacket> = {}): MdnsPacket =>
  packet({ kind: "query", questions: [{ name: SERVICE, type: "PTR", unicast: false }], ...more });

describe("a browser", () => {
  it("asks at once, after a second, and each time after twice as long, up to an hour", () => {
    const { hub } = browsing();
    hub.advance(24 * 3_600_000);
    const times = asked(hub, "PTR").map(({ atMs }) => atMs);
    assert.ok(times[0]! >= 20 && times[0]! <= 120);
    const gaps = times.slice(1).map((atMs, i) => Math.round((atMs - times[i]!) / 1_000));
    assert.deepEqual(gaps.slice(0, 13), [
      1,
      2,
      4,
      8,
      16,
      32,
      64,
      128,
      256,
      512,
      1_024,
      2_048,
      3_600,
    ]);
    assert.ok(gaps.slice(12).every((gap) => gap === 3_600));
  });

  it("finds who answers, in whatever order the records stand", () => {
    const { hub, node } = browsing();
    hub.answer(PEER, ...peerRecords("peer", PEER).toReversed());
    hub.advance(10);
    assert.deepEqual(hub.found(node), ["peer@10.0.0.2:7101"]);
    assert.equal(node.engine.takeChanges(), true);
    assert.equal(node.engine.takeChanges(), false);
  });

  it("tells what it knows, and not what is half as old as it may get or lacks something", () => {
    const { hub } = browsing();
    hub.answer(PEER, ...peerRecords("peer", PEER));
    hub.answer(PEER, record(SERVICE, 4_500, { type: "PTR", target: `bare.${SERVICE}` }));
    hub.advance(1_500);
    const known = asked(hub, "PTR").at(-1)!.packet.answers;
    assert.deepEqual(known.map(({ data }) => data.type === "PTR" && data.target), [TARGET]);
    assert.ok(known[0]!.ttlS >= 4_498 && known[0]!.ttlS < 4_500);
    assert.equal(known[0]!.unique, false);
    hub.advance(2_300_000);
    assert.deepEqual(asked(hub, "PTR").at(-1)!.packet.answers, []);
  });

  it("spreads what it knows over packets that say that more follows", () => {
    const { hub } = browsing();
    for (let i = 0; i < 60; i++) hub.answer(PEER, ...peerRecords(`peer-${i}`, `10.0.1.${i + 1}`));
    hub.advance(1_500);
    const last = asked(hub, "PTR").at(-1)!;
    const all = hub.sent.filter(({ atMs, from }) => atMs === last.atMs && from === "10.0.0.1");
    assert.ok(all.length > 1);
    assert.deepEqual(
      all.map(({ packet }) => packet.truncated),
      all.map((_, i) => i < all.length - 1),
    );
    assert.deepEqual(
      all.map(({ packet }) => packet.questions.length),
      all.map((_, i) => i ? 0 : 1),
    );
    assert.equal(all.flatMap(({ packet }) => packet.answers).length, 60);
  });

  it("asks for what was not told along, a few times", () => {
    const { hub, node } = browsing();
    hub.advance(100_000);
    hub.sent = [];
    const [pointer, srv, txt, a] = peerRecords("peer", PEER);
    hub.answer(PEER, pointer!);
    hub.advance(600);
    assert.deepEqual(
      asked(hub).flatMap(({ packet }) =>
        packet.questions.map(({ name, type }) => `${name} ${type}`)
      ),
      [`${TARGET} SRV`, `${TARGET} TXT`],
    );
    hub.answer(PEER, srv!, txt!);
    hub.advance(400);
    assert.deepEqual(
      asked(hub).at(-1)!.packet.questions.map(({ name, type }) => `${name} ${type}`),
      ["peer.local A", "peer.local AAAA"],
    );
    hub.sent = [];
    hub.advance(10_000);
    assert.equal(asked(hub, "A").length, 3);
    hub.answer(PEER, a!);
    hub.advance(10);
    assert.deepEqual(hub.found(node), ["peer@10.0.0.2:7101"]);
  });

  it("asks again for what is about to end, and keeps it when it is told again", () => {
    const { hub, node } = browsing();
    hub.answer(PEER, ...peerRecords("peer", PEER));
    hub.advance(95_000);
    hub.sent = [];
    hub.advance(5_000);
    const [{ packet }] = asked(hub) as [Sent];
    assert.deepEqual(packet.questions.map(({ type }) => type).toSorted(), ["A", "SRV"]);
    hub.answer(PEER, ...peerRecords("peer", PEER));
    hub.sent = [];
    hub.advance(90_000);
    assert.equal(asked(hub, "SRV").length, 0);
    assert.deepEqual(hub.found(node), ["peer@10.0.0.2:7101"]);
  });

  it("still lists who falls silent, asks anew, and drops them with the last that was told", () => {
    const { hub, node } = browsing();
    hub.answer(PEER, ...peerRecords("peer", PEER));
    hub.advance(119_000);
    assert.equal(asked(hub, "SRV").length, 4);
    hub.sent = [];
    hub.advance(10_000);
    assert.deepEqual(hub.found(node), ["peer@10.0.0.2:7101"]);
    const browses = asked(hub, "PTR");
    assert.ok(browses.length >= 3, `${browses.length} questions`);
    assert.deepEqual(browses.flatMap(({ packet }) => packet.answers), [], "it is no known answer");
    hub.advance(4_500_000);
    assert.deepEqual(hub.found(node), []);
  });

  it("drops a second after a goodbye, unless it is told again", () => {
    const { hub, node } = browsing();
    const records = peerRecords("peer", PEER);
    hub.answer(PEER, ...records);
    hub.answer(PEER, ...records.map((each) => ({ ...each, ttlS: 0 })));
    hub.advance(900);
    assert.equal(hub.found(node).length, 1);
    hub.answer(PEER, ...records);
    hub.advance(2_000);
    assert.equal(hub.found(node).length, 1);
    hub.answer(PEER, { ...records[0]!, ttlS: 0 });
    hub.advance(1_100);
    assert.deepEqual(hub.found(node), []);
    hub.sent = [];
    hub.advance(200_000);
    assert.equal(asked(hub, "SRV").length, 0, "nothing of it is asked for any more");
  });

  it("replaces what its owner replaces, after a second for other links", () => {
    const { hub, node } = browsing();
    hub.answer(PEER, ...peerRecords("peer", PEER));
    hub.advance(5_000);
    hub.answer(PEER, record("peer.local", 120, { type: "A", ip: "10.0.0.3" }));
    hub.advance(100);
    assert.deepEqual(hub.found(node), ["peer@10.0.0.2:7101", "peer@10.0.0.3:7101"]);
    hub.advance(1_000);
    assert.deepEqual(hub.found(node), ["peer@10.0.0.3:7101"]);
  });

  it("keeps both addresses that come within a second", () => {
    const { hub, node } = browsing();
    hub.answer(
      PEER,
      ...peerRecords("peer", PEER),
      record("peer.local", 120, { type: "A", ip: "10.0.0.3" }),
    );
    hub.advance(3_000);
    assert.deepEqual(hub.found(node), ["peer@10.0.0.2:7101", "peer@10.0.0.3:7101"]);
  });

  it("does not ask what another has just asked for it, unless the other knows more", () => {
    const { hub } = browsing();
    hub.say(PEER, browse());
    hub.advance(900);
    assert.equal(asked(hub, "PTR").length, 0);
    hub.advance(1_000);
    assert.equal(asked(hub, "PTR").length, 1);
    const second = browsing();
    second.hub.say(PEER, browse({ answers: [peerRecords("peer", PEER)[0]!] }));
    second.hub.advance(900);
    assert.equal(asked(second.hub, "PTR").length, 1);
  });

  it("leaves it to others who ask again for what is about to end", () => {
    const { hub } = browsing();
    hub.answer(PEER, ...peerRecords("peer", PEER));
    hub.advance(95_000);
    const questions = [TARGET, "peer.local"].map((name, i) => ({
      name,
      type: ["SRV", "A"][i]!,
      unicast: false,
    }));
    hub.say("10.0.0.3", packet({ kind: "query", questions }));
    hub.sent = [];
    hub.advance(6_000);
    assert.equal(asked(hub).length, 0);
    hub.advance(6_000);
    assert.equal(asked(hub).length, 1, "nobody answered");
  });

  it("asks anew when others speak of somebody of whom it never heard", () => {
    for (
      const speaks of [
        browse({ answers: [peerRecords("peer", PEER)[0]!] }),
        packet({ kind: "response", answers: [peerRecords("peer", PEER)[1]!] }),
      ]
    ) {
      const { hub } = browsing();
      hub.advance(70_000);
      hub.sent = [];
      hub.say("10.0.0.3", speaks);
      hub.advance(150);
      assert.equal(asked(hub, "PTR").length, 1);
      for (let i = 0; i < 100; i++) {
        hub.say("10.0.0.3", speaks);
        hub.advance(100);
      }
      assert.ok(asked(hub, "PTR").length <= 4, "not each time");
    }
  });

  it("keeps as many as it may, and rather those heard of last", () => {
    const { hub, node } = browsing();
    for (let i = 0; i < 3_000; i++) {
      hub.answer(PEER, ...peerRecords(`peer-${i}`, `10.1.${i >> 8}.${1 + (i % 200)}`));
    }
    hub.advance(10);
    const found = hub.found(node);
    assert.equal(found.length, 1_024);
    assert.ok(found.some((each) => each.startsWith("peer-2999@")));
    assert.ok(!found.some((each) => each.startsWith("peer-0@")));
  });

  it("keeps eight addresses of a host, two services of an instance, one text", () => {
    const { hub, node } = browsing();
    hub.answer(PEER, ...peerRecords("peer", PEER));
    for (let i = 10; i < 200; i++) {
      hub.answer(
        PEER,
        record("peer.local", 120, { type: "A", ip: `10.0.0.${i}` }, false),
        record(TARGET, 120, { type: "SRV", port: i, target: "peer.local" }, false),
        record(TARGET, 120, { type: "TXT", strings: [new Uint8Array([i])] }, false),
      );
    }
    hub.advance(10);
    assert.equal(hub.found(node).length, 8);
    assert.ok(hub.found(node).every((each) => each.endsWith(":199")));
  });

  it("pays no heed to records of other services, and believes no service to be somebody's own", () => {
    const { hub, node } = browsing();
    hub.answer(
      PEER,
      record("_other._tcp.local", 120, { type: "PTR", target: "x._other._tcp.local" }),
      record(SERVICE, 120, { type: "PTR", target: "x._other._tcp.local" }),
      record(SERVICE, 120, { type: "PTR", target: SERVICE }),
      record("x._other._tcp.local", 120, { type: "SRV", port: 1, target: "x.local" }),
      record("x.local", 120, { type: "A", ip: PEER }),
    );
    hub.answer(PEER, ...peerRecords("peer", PEER));
    hub.advance(2_000);
    hub.answer(PEER, record(SERVICE, 4_500, { type: "PTR", target: `b.${SERVICE}` }, true));
    hub.advance(5_000);
    assert.deepEqual(hub.found(node), ["peer@10.0.0.2:7101"]);
  });
});

describe("nodes on one network", () => {
  it("find each other within two seconds, whichever comes first", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const hub = new Hub(seed);
      const one = hub.add({ nodeId: "one", ip: "10.0.0.1" });
      hub.advance(seed * 150);
      const two = hub.add({ nodeId: "two", ip: "10.0.0.2" });
      hub.advance(2_000);
      assert.deepEqual(hub.found(one), ["two@10.0.0.2:10101"], `seed ${seed}`);
      assert.deepEqual(hub.found(two), ["one@10.0.0.1:10101"], `seed ${seed}`);
    }
  });

  it("all find each other when many start together, and then cost next to nothing", () => {
    const hub = new Hub();
    for (let i = 1; i <= 30; i++) hub.add({ nodeId: `gw-${i}`, ip: `10.0.0.${i}` });
    hub.advance(5_000);
    for (const node of hub.nodes) assert.equal(hub.found(node).length, 29, node.self.nodeId);
    const atStart = hub.sent.length / 30;
    assert.ok(atStart < 40, `${atStart} packets a node at the start`);
    hub.advance(600_000);
    hub.sent = [];
    hub.advance(600_000);
    const inMinute = hub.sent.length / 30 / 10;
    assert.ok(inMinute < 2.5, `${inMinute} packets a minute and node`);
    for (const node of hub.nodes) assert.equal(hub.found(node).length, 29);
  });

  it("find those again from whom they were cut off for long, without a restart", () => {
    const hub = new Hub();
    const all = ["10.0.0.1", "10.0.0.2"].map((ip, i) => hub.add({ nodeId: `gw-${i}`, ip }));
    hub.advance(5_000);
    for (const node of all) node.isCutOff = true;
    hub.advance(600_000);
    assert.equal(hub.found(all[0]!).length, 1, "it is listed although it is silent");
    for (const node of all) node.isCutOff = false;
    hub.advance(600_000);
    hub.sent = [];
    hub.advance(120_000);
    assert.ok(hub.sent.some(({ packet }) => packet.kind === "response"), "they talk again");
  });
});
