import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseAdvertise } from "../../../src/driver/advertise.ts";

const lo = { name: "lo", ip: "127.0.0.1", prefix: 8, internal: true };
const publicOne = { name: "eth0", ip: "203.0.113.7", prefix: 24, internal: false };
const privateOne = { name: "eth1", ip: "10.1.2.3", prefix: 16, internal: false };
const six = { name: "eth0", ip: "2001:db8::7", prefix: 64, internal: false };
const local = { name: "eth0", ip: "fe80::1", prefix: 64, internal: false };
const choose = (options: Partial<Parameters<typeof chooseAdvertise>[0]>) =>
  chooseAdvertise({
    bound: "0.0.0.0",
    peers: [],
    interfaces: [lo, publicOne, privateOne, six, local],
    ...options,
  }).ip;

describe("the advertise address", () => {
  it("is the configured one, then the bound one", () => {
    assert.equal(choose({ configured: "192.0.2.1", bound: "10.1.2.3" }), "192.0.2.1");
    assert.equal(choose({ bound: "203.0.113.7" }), "203.0.113.7");
  });

  it("is private before public and IPv4 before IPv6", () => {
    assert.equal(choose({}), "10.1.2.3");
    assert.equal(choose({ interfaces: [lo, six, publicOne] }), "203.0.113.7");
    assert.equal(choose({ interfaces: [lo, local, six] }), "2001:db8::7");
  });

  it("is loopback only when all peers are, or nothing else is there", () => {
    assert.equal(choose({ peers: ["127.0.0.1", "127.0.0.2"] }), "127.0.0.1");
    assert.equal(choose({ peers: ["::1"] }), "::1");
    assert.equal(choose({ peers: ["127.0.0.1", "10.1.2.4"] }), "10.1.2.3");
    assert.equal(choose({ interfaces: [lo] }), "127.0.0.1");
  });
});
