import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MdnsPacket, packet } from "../../../adapters/discovery_mdns/packet.ts";
import type { MdnsRecord } from "../../../adapters/discovery_mdns/record.ts";
import { Hub, type HubNode, record, type Sent, SERVICE } from "./hub.ts";

const INSTANCE = `gw-1.${SERVICE}`;
const HOST = "althing-gw-1-10101.local";
const POINTER = record(SERVICE, 4_500, { type: "PTR", target: INSTANCE });

/** A network on which a node has told all that it tells unasked. */
function settled(): { readonly hub: Hub; readonly node: HubNode } {
  const hub = new Hub();
  const node = hub.add({ nodeId: "gw-1", ip: "10.0.0.1" });
  hub.advance(20_000);
  hub.sent = [];
  return { hub, node };
}

function ask(name: string, type: string, more: Partial<MdnsPacket> = {}): MdnsPacket {
  return packet({ kind: "query", questions: [{ name, type, unicast: false }], ...more });
}

function responses({ sent }: Hub): readonly Sent[] {
  return sent.filter(({ packet }) => packet.kind === "response");
}

const types = (records: readonly MdnsRecord[]): string =>
  records.map(({ data }) => data.type).join();

describe("a responder", () => {
  it("answers for the service after 20 to 120 ms, with all that will be asked next", () => {
    const { hub } = settled();
    const askedMs = hub.now;
    hub.say("10.0.0.9", ask(SERVICE.toUpperCase(), "PTR"));
    hub.advance(1_000);
    const [{ atMs, packet, to }] = responses(hub) as [Sent];
    assert.equal(responses(hub).length, 1);
    assert.ok(atMs >= askedMs + 20 && atMs <= askedMs + 122, `after ${atMs - askedMs} ms`);
    assert.equal(types(packet.answers), "PTR");
    assert.equal(types(packet.additionals), "SRV,TXT,A");
    assert.deepEqual([packet.id, packet.questions, to], [0, [], undefined]);
  });

  it("answers at once for what nobody else can know", () => {
    const { hub } = settled();
    const askedMs = hub.now;
    hub.say("10.0.0.9", ask(INSTANCE, "SRV"));
    hub.advance(1_000);
    const [{ atMs, packet }] = responses(hub) as [Sent];
    assert.ok(atMs <= askedMs + 2);
    assert.equal(types(packet.answers), "SRV");
    assert.equal(types(packet.additionals), "A");
  });

  it("answers who asks for everything, and for the types of service", () => {
    const { hub } = settled();
    hub.say("10.0.0.9", ask(INSTANCE, "ANY"));
    hub.say("10.0.0.9", ask("_services._dns-sd._udp.local", "PTR"));
    hub.advance(1_000);
    assert.deepEqual(responses(hub).map(({ packet }) => types(packet.answers)), ["SRV,TXT", "PTR"]);
  });

  it("says that its names have nothing of other types, and nothing about others' names", () => {
    const { hub } = settled();
    hub.say("10.0.0.9", ask(HOST, "AAAA"));
    hub.say("10.0.0.9", ask("other.local", "A"));
    hub.say("10.0.0.9", ask(SERVICE, "SRV"));
    hub.advance(1_000);
    const [{ packet }] = responses(hub) as [Sent];
    assert.equal(responses(hub).length, 1);
    assert.deepEqual(packet.answers[0]!.data, { type: "NSEC", types: ["A"] });
  });

  it("keeps quiet when the asker knows the answer and it is fresh", () => {
    const { hub } = settled();
    hub.say("10.0.0.9", ask(SERVICE, "PTR", { answers: [{ ...POINTER, ttlS: 2_250 }] }));
    hub.advance(1_000);
    assert.equal(responses(hub).length, 0);
    hub.say("10.0.0.9", ask(SERVICE, "PTR", { answers: [{ ...POINTER, ttlS: 2_249 }] }));
    hub.advance(1_000);
    assert.equal(responses(hub).length, 1);
  });

  it("waits for known answers that follow, and then keeps quiet", () => {
    const { hub } = settled();
    hub.say("10.0.0.9", ask(SERVICE, "PTR", { truncated: true }));
    hub.advance(300);
    hub.say("10.0.0.9", packet({ kind: "query", answers: [POINTER] }));
    hub.advance(1_000);
    assert.equal(responses(hub).length, 0);
    const askedMs = hub.now;
    hub.say("10.0.0.9", ask(SERVICE, "PTR", { truncated: true }));
    hub.advance(300);
    hub.say("10.0.0.8", packet({ kind: "query", answers: [POINTER] }));
    hub.advance(1_000);
    assert.equal(responses(hub).length, 1, "another's known answers are another's");
    assert.ok(responses(hub)[0]!.atMs >= askedMs + 400);
  });

  it("tells nobody the same twice in a second, whoever asks", () => {
    const { hub } = settled();
    for (let i = 0; i < 100; i++) {
      hub.say(`10.0.0.${i + 2}`, ask(SERVICE, "PTR"));
      hub.say(`10.0.0.${i + 2}`, ask(INSTANCE, "SRV"));
      hub.advance(20);
    }
    const of = (type: string): number =>
      responses(hub).filter(({ packet }) => types(packet.answers).includes(type)).length;
    assert.ok(of("PTR") <= 2 && of("SRV") <= 2, `${of("PTR")} and ${of("SRV")} answers in 2 s`);
  });

  it("defends its names within a quarter of a second of having told", () => {
    const { hub } = settled();
    const authorities = [record(HOST, 120, { type: "A", ip: "10.0.0.9" }, false)];
    hub.say("10.0.0.9", ask(HOST, "ANY", { authorities }));
    hub.advance(100);
    hub.say("10.0.0.9", ask(HOST, "ANY", { authorities }));
    hub.advance(1_000);
    const told = responses(hub).map(({ atMs }) => atMs);
    assert.equal(told.length, 2);
    assert.ok(told[1]! - told[0]! >= 250 && told[1]! - told[0]! < 300);
  });

  it("puts answers that are due together into one packet", () => {
    const { hub } = settled();
    const questions = [INSTANCE, HOST].map((name) => ({ name, type: "ANY", unicast: false }));
    hub.say("10.0.0.9", packet({ kind: "query", questions }));
    hub.advance(1_000);
    assert.deepEqual(responses(hub).map(({ packet }) => types(packet.answers)), ["SRV,TXT,A"]);
  });

  it("need not say what another has just said for all", () => {
    const { hub } = settled();
    const kind = record("_services._dns-sd._udp.local", 4_500, { type: "PTR", target: SERVICE });
    hub.say("10.0.0.9", ask("_services._dns-sd._udp.local", "PTR"));
    hub.advance(5);
    hub.answer("10.0.0.8", kind);
    hub.advance(1_000);
    assert.equal(responses(hub).length, 1, "theirs alone");
  });

  it("repeats what another takes back although it still holds", () => {
    const { hub } = settled();
    hub.answer("10.0.0.8", { ...POINTER, ttlS: 0 });
    hub.advance(1_000);
    assert.deepEqual(responses(hub).map(({ packet }) => types(packet.answers)), ["PTR", "PTR"]);
  });

  it("answers a plain resolver alone, with its number, its question and short times", () => {
    const { hub, node } = settled();
    const from = { ip: "10.0.0.9", port: 40_000 };
    node.engine.onPacket(ask(SERVICE, "PTR", { id: 77 }), "eth0", from, hub.now);
    const [{ packet, to }] = responses(hub) as [Sent];
    assert.deepEqual(to, from);
    assert.equal(packet.id, 77);
    assert.deepEqual(packet.questions, [{ name: SERVICE, type: "PTR", unicast: false }]);
    const all = [...packet.answers, ...packet.additionals];
    assert.ok(all.every(({ ttlS, unique }) => ttlS <= 10 && !unique));
    for (let i = 0; i < 1_000; i++) {
      node.engine.onPacket(ask(SERVICE, "PTR", { id: i }), "eth0", from, hub.now);
    }
    assert.equal(responses(hub).length, 20, "nobody is flooded by us");
  });

  it("does not believe answers from ports where no responder is", () => {
    const { hub, node } = settled();
    const forged = packet({
      kind: "response",
      answers: [record(HOST, 120, { type: "A", ip: "10.0.0.8" })],
    });
    node.engine.onPacket(forged, "eth0", { ip: "10.0.0.9", port: 40_000 }, hub.now);
    assert.equal(node.engine.announcedAs, INSTANCE);
  });
});
