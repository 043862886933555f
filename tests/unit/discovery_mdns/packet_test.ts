/**
 * What the package decodes of hostile datagrams: never fatal, and never long.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import dnsPacket from "dns-packet";
import { Admission } from "../../../adapters/discovery_mdns/admission.ts";
import {
  fromPackage,
  type MdnsPacket,
  type PackagePacket,
  packet,
  toPackage,
} from "../../../adapters/discovery_mdns/packet.ts";
import { queries, responses } from "../../../adapters/discovery_mdns/split.ts";
import { Rng } from "../../../src/core/rng.ts";
import { Hub, peerRecords, record, SERVICE } from "./hub.ts";

function encoded(out: MdnsPacket): Buffer {
  return dnsPacket.encode(toPackage(out) as unknown as dnsPacket.Packet) as Buffer;
}

/** As a link does it: `undefined` where the datagram is dropped. */
function decoded(bytes: Buffer): MdnsPacket | undefined {
  if (new Admission().refuses(bytes, 0) !== undefined) return undefined;
  try {
    return fromPackage(dnsPacket.decode(bytes) as unknown as PackagePacket);
  } catch {
    return undefined;
  }
}

const WHOLE = packet({
  kind: "response",
  questions: [
    { name: SERVICE, type: "PTR", unicast: false },
    { name: `peer.${SERVICE}`, type: "ANY", unicast: false },
  ],
  answers: peerRecords("peer", "10.0.0.2"),
  authorities: [record("peer.local", 120, { type: "AAAA", ip: "fd00::2" })],
  additionals: [record("peer.local", 120, { type: "NSEC", types: ["A", "AAAA"] })],
});

describe("packets", () => {
  it("come through the package as they were", () => {
    assert.deepEqual(decoded(encoded(WHOLE)), WHOLE);
    const query = { ...WHOLE, kind: "query" as const, truncated: true };
    assert.deepEqual(decoded(encoded(query)), query);
  });

  it("say that an answer by unicast would do", () => {
    for (const kind of [0x8001, 0x80ff]) {
      const [question] = WHOLE.questions;
      const bytes = encoded(packet({ kind: "query", questions: [question!] }));
      bytes.writeUInt16BE(kind, bytes.length - 2);
      assert.deepEqual(decoded(bytes)?.questions, [{ ...question!, unicast: true }]);
    }
  });

  it("of other classes, operations and outcomes are nobody's business", () => {
    for (const flags of [0x2800, 0x8003]) {
      const bytes = encoded(WHOLE);
      bytes.writeUInt16BE(flags, 2);
      assert.equal(decoded(bytes), undefined);
    }
    const other = {
      ...toPackage(WHOLE),
      answers: [{ name: "a", type: "A", class: "CH", data: "1.2.3.4" }],
    };
    const bytes = dnsPacket.encode(other as unknown as dnsPacket.Packet) as Buffer;
    assert.deepEqual(decoded(bytes)?.answers, []);
  });

  it("are never larger than a frame, however much there is to say", () => {
    const records = Array.from({ length: 200 }, (_, i) => peerRecords(`peer-${i}`, "10.0.0.2"))
      .flat();
    const questions = Array.from({ length: 100 }, (_, i) => ({
      name: `peer-${i}.${SERVICE}`,
      type: "SRV",
      unicast: false,
    }));
    for (
      const all of [queries(questions, records), queries([], records), responses(records, records)]
    ) {
      for (const each of all) assert.ok(encoded(each).length <= 1_200);
      assert.equal(all.flatMap(({ answers }) => answers).length, records.length);
    }
    assert.equal(queries(questions, []).flatMap((each) => each.questions).length, 100);
  });

  it("changed at random, cut or made up never stop an engine", () => {
    const rng = new Rng(7);
    const hub = new Hub();
    const node = hub.add({ nodeId: "gw-1", ip: "10.0.0.1" });
    const originals = [encoded(WHOLE), encoded({ ...WHOLE, kind: "query" })];
    let taken = 0;
    for (let i = 0; i < 4_000; i++) {
      const original = originals[i % 2] as Buffer;
      const bytes = rng.chance(0.1)
        ? Buffer.from(Array.from({ length: rng.below(300) }, () => rng.below(256)))
        : Buffer.from(
          original.subarray(0, rng.chance(0.2) ? rng.below(original.length) : undefined),
        );
      for (let n = rng.below(6); n > 0 && bytes.length > 0; n--) {
        bytes[rng.below(bytes.length)] = rng.below(256);
      }
      const received = decoded(bytes);
      if (received === undefined) continue;
      taken++;
      const port = rng.chance(0.9) ? 5_353 : 1 + rng.below(65_535);
      node.engine.onPacket(received, "eth0", { ip: `10.0.0.${2 + rng.below(9)}`, port }, hub.now);
      hub.advance(rng.below(200));
      for (const { packet } of hub.sent) encoded(packet);
      hub.sent = [];
    }
    assert.ok(taken > 400, `${taken} of 4000 were taken`);
    hub.answer("10.0.0.2", ...peerRecords("peer", "10.0.0.2"));
    hub.advance(60_000);
    assert.ok(hub.found(node).some((each) => each === "peer@10.0.0.2:7101"));
  });

  it("with loops and chains of pointers take no time", () => {
    const loop = Buffer.from(encoded(packet({ kind: "response" })));
    loop.writeUInt16BE(1, 6);
    assert.equal(
      decoded(Buffer.concat([loop, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1])])),
      undefined,
    );
    // Every name is a chain of pointers, each to the one before.
    const chain = Buffer.alloc(9_000);
    chain.writeUInt16BE(0x8400, 2);
    chain.writeUInt16BE(512, 6);
    const links = Math.floor((9_000 - 511 * 12 - 12 - 11) / 2);
    // The first record holds the chain in its data.
    let at = 12;
    chain.writeUInt16BE(99, at + 1);
    chain.writeUInt16BE(1, at + 3);
    chain.writeUInt16BE(2 * links, at + 9);
    at += 11;
    for (let i = 0; i < links; i++, at += 2) chain.writeUInt16BE(0xc000 | (i ? at - 2 : 12), at);
    const last = at - 2;
    for (; at + 12 <= chain.length; at += 12) {
      chain.writeUInt16BE(0xc000 | last, at);
      chain.writeUInt16BE(99, at + 2);
      chain.writeUInt16BE(1, at + 4);
    }
    const count = 1 + Math.floor((9_000 - 12 - 11 - 2 * links) / 12);
    chain.writeUInt16BE(Math.min(count, 512), 6);
    const started = performance.now();
    assert.notEqual(decoded(chain), undefined, "it decodes, at length");
    const ms = performance.now() - started;
    // One link takes fewer than two of them in a second.
    assert.ok(ms < 500, `${ms} ms`);
    const admission = new Admission();
    let taken = 0;
    for (let now = 0; now < 10_000; now += 10) {
      if (admission.refuses(chain, now) === undefined) taken++;
    }
    assert.ok(taken < 30, `${taken} in ten seconds`);
  });
});
