import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cidrContains, parseCidr } from "../../../src/core/cidr.ts";
import { ipToBytes } from "../../../src/core/address.ts";
import { type MembershipOptions, resolveMembership } from "../../../src/core/membership/config.ts";
import { TestNode } from "./harness.ts";

describe("membership configuration", () => {
  it("speaks version 2 by default (Go: TestDefaultLANConfig_protocolVersion)", () => {
    assert.equal(resolveMembership().protocolVersion, 2);
  });

  it("takes versions 2 to 5, and 1 only when asked (Go: TestCreate_protocolVersion)", () => {
    for (const version of [2, 3, 4, 5]) resolveMembership({ protocolVersion: version });
    for (const version of [0, 1, 6]) {
      assert.throws(() => resolveMembership({ protocolVersion: version }), RangeError);
    }
    resolveMembership({ protocolVersion: 1, allowProtocolVersion1: true });
  });

  it("has memberlist's presets", () => {
    const lan = resolveMembership();
    const wan = resolveMembership({ profile: "wan" });
    const local = resolveMembership({ profile: "local" });
    const shown = (c: typeof lan) => [
      c.tcpTimeoutMs,
      c.indirectChecks,
      c.retransmitMult,
      c.suspicionMult,
      c.suspicionMaxTimeoutMult,
      c.pushPullIntervalMs,
      c.probeTimeoutMs,
      c.probeIntervalMs,
      c.awarenessMaxMultiplier,
      c.gossipNodes,
      c.gossipIntervalMs,
      c.gossipToTheDeadMs,
    ];
    assert.deepEqual(shown(lan), [10_000, 3, 4, 4, 6, 30_000, 500, 1000, 8, 3, 200, 30_000]);
    assert.deepEqual(shown(wan), [30_000, 3, 4, 6, 6, 60_000, 3000, 5000, 8, 4, 500, 60_000]);
    assert.deepEqual(shown(local), [1000, 1, 2, 3, 6, 15_000, 200, 1000, 8, 3, 100, 15_000]);
  });

  it("ignores fields that are undefined", () => {
    const options = { probeTimeoutMs: undefined } as unknown as MembershipOptions;
    assert.equal(resolveMembership(options).probeTimeoutMs, 500);
  });

  for (
    const [wrong, names] of [
      [{ probeTimeoutMs: 1000 }, /probeTimeoutMs must be < probeIntervalMs/],
      [{ packetBytesMax: 70_000 }, /packetBytesMax/],
      [{ cidrsAllowed: ["10.0.0.0/33"] }, /"10.0.0.0\/33"/],
      [{ delegateProtocol: { min: 2, max: 5, current: 6 } }, /delegateProtocol/],
      [{ metaBytesMax: 5000 }, /metaBytesMax must be <= remoteMetaBytesMax/],
      [{ userShare: 2 }, /userShare/],
    ] as const
  ) {
    it(`refuses ${JSON.stringify(wrong)}`, () => {
      assert.throws(() => resolveMembership(wrong), names);
    });
  }

  it("turns intervals of 0 off", () => {
    const node = new TestNode({ probeIntervalMs: 0, gossipIntervalMs: 0, pushPullIntervalMs: 0 });
    node.give({ type: "start" }, 0);
    assert.equal(node.machine.nextDeadline(), undefined);
  });

  for (
    const [what, self] of [
      ["no port", { address: "10.0.0.1:0" }],
      ["an unspecified address", { address: "[::]:7946" }],
      ["an empty name", { name: "" }],
      ["a long name", { name: "ä".repeat(128) }],
      ["metadata above the limit", { meta: new Uint8Array(513) }],
      ["incarnation 0", { incarnation: 0 }],
      ["an address outside cidrsAllowed", { cidrsAllowed: ["192.168.0.0/16"] }],
    ] as const
  ) {
    it(`refuses a self with ${what}`, () => {
      assert.throws(() => new TestNode(self), RangeError);
    });
  }
});

describe("networks", () => {
  for (
    const [cidr, ip, inside] of [
      ["10.0.0.0/8", "10.255.0.1", true],
      ["10.0.0.0/8", "11.0.0.1", false],
      ["10.1.2.128/25", "10.1.2.127", false],
      ["10.1.2.128/25", "10.1.2.200", true],
      ["0.0.0.0/0", "8.8.8.8", true],
      ["0.0.0.0/0", "2001:db8::1", false],
      ["10.0.0.0/8", "::ffff:10.0.0.1", true],
      ["::ffff:10.0.0.0/104", "10.9.9.9", true],
      ["2001:db8::/33", "2001:db8:7fff::1", true],
      ["2001:db8::/33", "2001:db8:8000::1", false],
      ["10.0.0.7", "10.0.0.7", true],
    ] as const
  ) {
    it(`${inside ? "finds" : "does not find"} ${ip} in ${cidr} (Go: Test_IsValidAddressOverride)`, () => {
      const parsed = parseCidr(cidr);
      const bytes = ipToBytes(ip);
      assert.ok(parsed !== undefined && bytes !== undefined);
      assert.equal(cidrContains(parsed, bytes), inside);
    });
  }

  it("knows what is no network", () => {
    for (const text of ["", "10.0.0.0/", "10.0.0/8", "x/8", "::/129"]) {
      assert.equal(parseCidr(text), undefined, text);
    }
  });
});
