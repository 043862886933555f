import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Beacon, decodeBeacon, encodeBeacon } from "../../../adapters/discovery_udp/beacon.ts";
import { BeaconKeys, deriveBeaconKey } from "../../../adapters/discovery_udp/beacon_keys.ts";
import { Neighbours, NEIGHBOURS_MAX } from "../../../adapters/discovery_udp/neighbours.ts";
import { broadcastIps } from "../../../adapters/discovery_udp/networks.ts";
import { RateLimits } from "../../../adapters/discovery_udp/rate_limits.ts";
import { AddressSpace } from "../../../mod.ts";

const BEACON: Beacon = {
  kind: "beacon",
  isMember: true,
  wantsAnswers: true,
  nonce: Uint8Array.from({ length: 16 }, (_, i) => i),
  sentAt: 1_700_000_000_123,
  count: 7,
  everyMs: 5_000,
  ip: "10.0.0.4",
  port: 10101,
  rpcPort: 10102,
  serviceName: "gw",
  nodeId: "gw-1",
  bootId: "b1",
  region: "eu",
};
const GOSSIP_KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const KEY = deriveBeaconKey(GOSSIP_KEY);
const OTHER = deriveBeaconKey(GOSSIP_KEY.map((byte) => byte ^ 1));

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

describe("a beacon", () => {
  it("is written as docs/protocol.md says", () => {
    const body = "414c5442010107000102030405060708090a0b0c0d0e0f0000018bcfe5687b0000000700001388" +
      "27752776040a000004026777" + "0467772d31" + "026231" + "026575";
    const sealed = hex(encodeBeacon(BEACON, KEY));
    assert.equal(sealed.slice(0, body.length), body);
    assert.equal(sealed.length, body.length + 64);
    assert.equal(hex(encodeBeacon(BEACON, undefined)), body.replace("01010700", "01010300"));
  });

  it("is read back, with any key of the ring", () => {
    assert.deepEqual(decodeBeacon(encodeBeacon(BEACON, undefined), []), BEACON);
    assert.deepEqual(decodeBeacon(encodeBeacon(BEACON, KEY), [OTHER, KEY]), BEACON);
    const six = { ...BEACON, ip: "fd00::1", kind: "goodbye", isMember: false } as const;
    assert.deepEqual(decodeBeacon(encodeBeacon(six, KEY), [KEY]), six);
  });

  it("without a proof, with another key's or changed anywhere is refused", () => {
    assert.equal(decodeBeacon(encodeBeacon(BEACON, undefined), [KEY]), "unsealed");
    assert.equal(decodeBeacon(encodeBeacon(BEACON, OTHER), [KEY]), "forged");
    assert.equal(decodeBeacon(encodeBeacon(BEACON, KEY), []), "forged");
    const bytes = encodeBeacon(BEACON, KEY);
    for (let i = 0; i < bytes.length; i++) {
      const changed = Uint8Array.from(bytes);
      changed[i]! ^= 1;
      assert.equal(typeof decodeBeacon(changed, [KEY]), "string", `byte ${i}`);
    }
  });

  it("of another version, cut off or too long is refused", () => {
    const bytes = encodeBeacon(BEACON, undefined);
    const newer = Uint8Array.from(bytes);
    newer[4] = 2;
    assert.equal(decodeBeacon(newer, []), "version");
    for (let end = 0; end < bytes.length; end++) {
      assert.equal(decodeBeacon(bytes.subarray(0, end), []), "malformed", `${end} bytes`);
    }
    assert.equal(decodeBeacon(new Uint8Array(2_000), []), "malformed");
    assert.throws(() => encodeBeacon({ ...BEACON, nodeId: "é".repeat(65) }, KEY), RangeError);
  });

  it("may have fields at its end that this release does not know", () => {
    const bytes = encodeBeacon(BEACON, undefined);
    assert.deepEqual(decodeBeacon(Uint8Array.of(...bytes, 1, 2, 3), []), BEACON);
  });
});

describe("the keys of beacons", () => {
  it("are derived as docs/protocol.md says", () => {
    assert.equal(hex(KEY), "9f6fd0d40617e79715cc059af386cbb13d6f60f94f8fa90cc1dd457b92cb4e2e");
  });

  it("follow the ring", () => {
    let ring = [GOSSIP_KEY];
    const keys = new BeaconKeys(() => ring);
    const first = keys.all;
    assert.deepEqual(first, [KEY]);
    assert.equal(keys.all, first);
    ring = [GOSSIP_KEY.map((byte) => byte ^ 1), GOSSIP_KEY];
    assert.deepEqual(keys.all, [OTHER, KEY]);
    ring = [];
    assert.deepEqual(keys.all, []);
  });
});

describe("neighbours", () => {
  it("are news once, and when something about them changes", () => {
    const all = new Neighbours();
    assert.equal(all.hear(BEACON, "10.0.0.4", 0), "news");
    assert.equal(all.hear({ ...BEACON, count: 8 }, "10.0.0.4", 1), "known");
    assert.equal(all.hear({ ...BEACON, count: 9 }, "10.0.0.5", 2), "news");
    assert.equal(all.hear({ ...BEACON, count: 10, rpcPort: 1 }, "10.0.0.5", 2), "news");
    assert.deepEqual(all.candidates, [
      { host: "10.0.0.5", port: 10101, nodeId: "gw-1", region: "eu", rpcPort: 1 },
    ]);
  });

  it("are not changed by what was said before, and are by a new boot", () => {
    const all = new Neighbours();
    all.hear(BEACON, "10.0.0.4", 0);
    assert.equal(all.hear({ ...BEACON, count: 6 }, "10.6.6.6", 0), "replayed");
    assert.equal(all.hear(BEACON, "10.6.6.6", 0), "known");
    assert.equal(all.farewell({ ...BEACON, count: 7 }), "replayed");
    assert.equal(all.farewell({ ...BEACON, bootId: "b0", count: 9 }), "known");
    assert.equal(all.candidates[0]?.host, "10.0.0.4");
    assert.equal(all.hear({ ...BEACON, bootId: "b2", count: 1 }, "10.0.0.7", 0), "news");
    assert.equal(all.farewell({ ...BEACON, bootId: "b2", count: 2 }), "news");
    assert.equal(all.size, 0);
  });

  it("are kept for three and a half intervals, whatever interval they claim", () => {
    const all = new Neighbours();
    all.hear(BEACON, "10.0.0.4", 0);
    all.hear({ ...BEACON, nodeId: "slow", everyMs: 4_000_000_000 }, "10.0.0.5", 0);
    assert.equal(all.expire(17_499), false);
    assert.equal(all.expire(17_500), true);
    assert.equal(all.size, 1);
    assert.equal(all.expire(3.5 * 300_000), true);
  });

  it("are bounded, and those who are listed stay", () => {
    const all = new Neighbours();
    for (let i = 0; i < NEIGHBOURS_MAX; i++) {
      all.hear({ ...BEACON, nodeId: `n${i}` }, "10.0.0.4", 0);
    }
    assert.equal(all.hear({ ...BEACON, nodeId: "more" }, "10.0.0.4", 0), "table_full");
    assert.equal(all.hear({ ...BEACON, nodeId: "n0", count: 8 }, "10.0.0.4", 0), "known");
    assert.equal(all.size, NEIGHBOURS_MAX);
  });
});

describe("networks", () => {
  it("get beacons where their own and their broadcast address are allowed", () => {
    const of = (space: string, ...ips: readonly string[]): string[] => {
      const interfaces = ips.map((text) => {
        const [ip = "", prefix] = text.split("/");
        return { name: "eth0", ip, prefix: Number(prefix), internal: false };
      });
      return broadcastIps(interfaces, new AddressSpace([space]));
    };
    assert.deepEqual(of("10.0.0.0/8", "10.1.2.3/24", "10.1.2.4/24"), ["10.1.2.255"]);
    assert.deepEqual(of("10.0.0.0/8", "10.1.2.3/20", "192.168.0.1/24"), ["10.1.15.255"]);
    assert.deepEqual(of("10.1.2.0/24", "10.1.2.3/8"), []);
    assert.deepEqual(of("0.0.0.0/0", "10.1.2.3/31", "10.1.2.3/32", "fd00::1/64"), []);
    assert.deepEqual(of("127.0.0.0/8", "127.0.0.1/8"), ["127.255.255.255"]);
  });
});

describe("rate limits", () => {
  it("bound each source, all sources and answers, second by second", () => {
    const limits = new RateLimits();
    const admitted = (from: (i: number) => string, now: number): number =>
      Array.from({ length: 5_000 }, (_, i) => limits.admits(from(i), now)).filter(Boolean).length;
    assert.equal(admitted(() => "10.0.0.1", 0), 64);
    assert.ok(admitted((i) => `10.1.${i >> 8}.${i & 255}`, 500) <= 1_024);
    assert.equal(admitted(() => "10.0.0.1", 1_000), 64);
    assert.ok(admitted((i) => `10.1.0.${i % 100}`, 2_000) <= 2_000);
    const answers = Array.from({ length: 500 }, () => limits.admitsAnswer(2_000));
    assert.equal(answers.filter(Boolean).length, 200);
  });
});
