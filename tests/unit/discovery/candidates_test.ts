import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CANDIDATES_MAX, NAMES_MAX, siftCandidates } from "../../../src/discovery/candidates.ts";

const sift = (...hosts: readonly unknown[]) =>
  siftCandidates(hosts.map((host) => ({ host })) as never, 7);

describe("what a source lists", () => {
  it("becomes places, each once, with the port that was missing", () => {
    const { places } = siftCandidates([
      { host: "10.0.0.1" },
      { host: "10.0.0.1", port: 7 },
      { host: "10.0.0.1", port: 8 },
      { host: "::ffff:10.0.0.1" },
      { host: "2001:DB8:0::1" },
      { host: "gw-1.example", port: 9 },
      { host: "_gossip.gw.example." },
    ], 7);
    assert.deepEqual(places.map(({ host, port, isIp }) => `${host} ${port} ${isIp}`), [
      "10.0.0.1 7 true",
      "10.0.0.1 8 true",
      "2001:db8::1 7 true",
      "gw-1.example 9 false",
      "_gossip.gw.example. 7 false",
    ]);
  });

  it("is told apart from what nobody can dial, with the reason", () => {
    const bad = ["", "0.0.0.0", "::", "224.0.0.251", "255.255.255.255", "ff02::fb", "fe80::1%eth0"];
    const worse = ["a b", "10.0.0.1:7", "1.2.3", "-x", "x".repeat(300), "a..b", undefined, 7, null];
    const { places, invalid } = sift(...bad, ...worse);
    assert.deepEqual(places, []);
    assert.equal(invalid.length, bad.length + worse.length);
    for (const { host, why } of invalid) {
      assert.ok(host.length <= 100);
      assert.match(why, /^it is|^it means/);
    }
    const ports = [0, -1, 65_536, 1.5, NaN, "7"].map((port) => ({ host: "10.0.0.1", port }));
    assert.equal(siftCandidates(ports as never, 7).invalid.length, ports.length);
    assert.equal(siftCandidates([null, undefined, 3] as never, 7).invalid.length, 3);
  });

  it("is cut where it is longer than any cluster", () => {
    const many = Array.from({ length: CANDIDATES_MAX + 10 }, (_, i) => ({
      host: `10.1.${i >> 8}.${i & 255}`,
    }));
    const sifted = siftCandidates(many, 7);
    assert.equal(sifted.places.length, CANDIDATES_MAX);
    assert.equal(sifted.left, 10);
    const names = Array.from({ length: NAMES_MAX + 3 }, (_, i) => ({ host: `gw-${i}.example` }));
    assert.equal(siftCandidates(names, 7).places.length, NAMES_MAX);
    assert.equal(siftCandidates(names, 7).left, 3);
  });
});
