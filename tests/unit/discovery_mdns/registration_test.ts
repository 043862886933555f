import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nameKey } from "../../../adapters/discovery_mdns/names.ts";
import { packet } from "../../../adapters/discovery_mdns/packet.ts";
import { Hub, type HubNode, record, type Sent, SERVICE } from "./hub.ts";

const INSTANCE = `gw-1.${SERVICE}`;
const HOST = "althing-gw-1-10101.local";
const STRANGER = "10.0.0.9";

function probes({ sent }: Hub): readonly Sent[] {
  return sent.filter(({ from, packet }) => {
    return from !== STRANGER && packet.kind === "query" && packet.authorities.length > 0;
  });
}

function announcements({ sent }: Hub): readonly Sent[] {
  return sent.filter(({ packet }) => packet.kind === "response" && packet.answers.length === 5);
}

function one(hub: Hub): HubNode {
  return hub.add({ nodeId: "gw-1", ip: "10.0.0.1" });
}

describe("a registration", () => {
  it("asks three times, a quarter of a second apart, then tells three times", () => {
    const hub = new Hub();
    const { announced } = one(hub);
    hub.advance(10_000);
    const asked = probes(hub).map(({ atMs }) => atMs);
    assert.equal(asked.length, 3);
    assert.ok(asked[0]! < 250);
    assert.deepEqual([asked[1]! - asked[0]!, asked[2]! - asked[0]!].map(Math.round), [250, 500]);
    const told = announcements(hub).map(({ atMs }) => Math.round(atMs - asked[0]!));
    assert.deepEqual(told, [750, 1_750, 3_750]);
    assert.deepEqual(announced, [INSTANCE]);
  });

  it("asks for both names by multicast, with what it means to say", () => {
    const hub = new Hub();
    one(hub);
    hub.advance(260);
    const [{ packet }] = probes(hub) as [Sent];
    const { questions, authorities, id } = packet;
    assert.deepEqual(questions, [
      { name: INSTANCE, type: "ANY", unicast: false },
      { name: HOST, type: "ANY", unicast: false },
    ]);
    assert.equal(id, 0);
    assert.deepEqual(authorities.map(({ data }) => data.type), ["SRV", "TXT", "A"]);
    assert.ok(authorities.every(({ unique }) => !unique), "no flush bit in a question");
  });

  it("tells of the service, the instance, the host and the type, flushing what is its own", () => {
    const hub = new Hub();
    one(hub);
    hub.advance(1_100);
    const [{ packet }] = announcements(hub) as [Sent];
    const rows = packet.answers.map(({ name, ttlS, unique, data }) =>
      `${name} ${data.type} ${ttlS} ${unique}`
    );
    assert.deepEqual(rows, [
      `${SERVICE} PTR 4500 false`,
      `${INSTANCE} SRV 120 true`,
      `${INSTANCE} TXT 4500 true`,
      `${HOST} A 120 true`,
      "_services._dns-sd._udp.local PTR 4500 false",
    ]);
  });

  it("takes the next name when somebody has the first, whatever they say under it", () => {
    for (const type of ["SRV", "other"] as const) {
      const hub = new Hub();
      const { announced, renamed } = one(hub);
      hub.advance(300);
      const data = type === "SRV"
        ? { type, port: 1, target: "elsewhere.local" }
        : { type, kind: "HINFO" };
      hub.answer(STRANGER, record(INSTANCE.toUpperCase(), 120, data));
      hub.advance(3_000);
      assert.deepEqual(renamed, [INSTANCE]);
      assert.deepEqual(announced, [`gw-1 (2).${SERVICE}`]);
      const [{ packet }] = announcements(hub) as [Sent];
      assert.ok(packet.answers.some(({ name }) => name === "althing-gw-1-10101-2.local"));
    }
  });

  it("keeps its name when somebody repeats what it says itself, or takes something back", () => {
    const hub = new Hub();
    const { announced, renamed } = one(hub);
    hub.advance(300);
    hub.answer(STRANGER, record(HOST, 120, { type: "A", ip: "10.0.0.1" }));
    hub.answer(STRANGER, record(HOST, 0, { type: "A", ip: "10.0.0.8" }));
    hub.advance(3_000);
    assert.deepEqual([announced, renamed], [[INSTANCE], []]);
  });

  it("asks again when somebody else says something else under its name, and keeps it if they do not insist", () => {
    const hub = new Hub();
    const { announced, renamed } = one(hub);
    hub.advance(5_000);
    hub.sent = [];
    hub.answer(STRANGER, record(HOST, 120, { type: "A", ip: "10.0.0.8" }));
    hub.advance(5_000);
    assert.equal(probes(hub).length, 3);
    assert.deepEqual([announced, renamed], [[INSTANCE, INSTANCE], []]);
  });

  it("gives each of several nodes that start together with one name a name of its own", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const hub = new Hub(seed);
      const all = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((ip) => hub.add({ nodeId: "gw-1", ip }));
      hub.advance(15_000);
      const names = all.map(({ engine }) => engine.announcedAs);
      assert.equal(new Set(names).size, 3, `seed ${seed}: ${names}`);
      assert.ok(names.includes(INSTANCE), `seed ${seed}: the first name is somebody's`);
    }
  });

  it("waits for a node that asks for the same name at the same time and comes later in order", () => {
    const order = (theirs: string): boolean => {
      const hub = new Hub();
      one(hub);
      hub.advance(251);
      const before = probes(hub).length;
      const authorities = [record(HOST, 120, { type: "A", ip: theirs }, false)];
      const questions = [{ name: HOST, type: "ANY", unicast: false }];
      hub.say(STRANGER, packet({ kind: "query", questions, authorities }));
      hub.advance(900);
      return probes(hub).length === before;
    };
    assert.equal(order("10.0.0.2"), true, "theirs is later: we wait");
    assert.equal(order("10.0.0.0"), false, "ours is later: we go on");
    assert.equal(order("10.0.0.1"), false, "the same is no conflict");
  });

  it("slows down when every name is taken", () => {
    const hub = new Hub();
    const { renamed, announced } = one(hub);
    for (let i = 0; i < 6_000; i++) {
      hub.advance(10);
      for (const { packet } of probes(hub)) {
        const [name] = packet.questions;
        hub.answer(
          STRANGER,
          record(name!.name, 120, { type: "SRV", port: 1, target: "x.local" }),
        );
      }
      hub.sent = [];
    }
    assert.deepEqual(announced, []);
    assert.ok(renamed.length > 15 && renamed.length < 40, `${renamed.length} names in a minute`);
  });

  it("says goodbye to all that is its own, and not to the type of service", () => {
    const hub = new Hub();
    const { engine } = one(hub);
    hub.advance(2_000);
    hub.sent = [];
    engine.withdraw();
    engine.withdraw();
    const [{ packet }] = hub.sent as [Sent];
    assert.equal(hub.sent.length, 1);
    assert.ok(packet.answers.every(({ ttlS }) => ttlS === 0));
    assert.deepEqual(packet.answers.map(({ data }) => data.type), ["PTR", "SRV", "TXT", "A"]);
    hub.sent = [];
    hub.say(STRANGER, packetAsking(SERVICE, "PTR"));
    hub.advance(1_000);
    assert.equal(hub.sent.filter(({ packet }) => packet.kind === "response").length, 0);
  });

  it("says nothing when it is taken back before it was told", () => {
    const hub = new Hub();
    const { engine } = one(hub);
    hub.advance(400);
    hub.sent = [];
    engine.withdraw();
    hub.advance(3_000);
    assert.equal(hub.sent.filter(({ packet }) => packet.kind === "response").length, 0);
    engine.register(hub.now);
    hub.advance(2_000);
    assert.equal(engine.announcedAs, INSTANCE);
  });

  it("has names that fit, whatever the node is called", () => {
    const odd = [
      "a.b.c",
      "x".repeat(128),
      "é".repeat(64),
      "___",
      "GW One!",
      "\u{1F600}".repeat(30),
    ];
    for (const nodeId of odd) {
      const hub = new Hub();
      const { announced } = hub.add({ nodeId, ip: "10.0.0.1" });
      hub.advance(1_100);
      const label = announced[0]!.slice(0, -SERVICE.length - 1);
      assert.ok(!label.includes("."), label);
      assert.ok(new TextEncoder().encode(label).length <= 63, label);
      const host = announcements(hub)[0]!.packet.answers.find(({ data }) =>
        data.type === "A"
      )!.name;
      assert.match(host, /^althing-[a-z0-9-]{1,55}\.local$/);
      assert.equal(nameKey(host), host);
    }
  });
});

function packetAsking(name: string, type: string): Sent["packet"] {
  return packet({ kind: "query", questions: [{ name, type, unicast: false }] });
}
