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

  it("is the pod's own, when this machine has it", () => {
    assert.equal(choose({ podIps: ["203.0.113.7", "2001:db8::7"] }), "203.0.113.7");
    assert.equal(choose({ podIps: ["", "10.9.9.9"] }), "10.1.2.3");
    assert.equal(choose({ podIps: ["2001:DB8:0::7"], peers: ["127.0.0.1"] }), "2001:db8::7");
  });

  it("is that of the interface that leads to a peer, by route or by prefix", () => {
    const routes = { interfaceTo: (ip: string) => ip.startsWith("198.51.") ? "eth0" : undefined };
    assert.equal(choose({ peers: ["198.51.100.1"], routes }), "203.0.113.7");
    assert.equal(choose({ peers: ["203.0.113.99"] }), "203.0.113.7");
    assert.equal(choose({ peers: ["2001:db8::99"] }), "2001:db8::7");
    assert.equal(choose({ peers: ["198.51.100.1"] }), "10.1.2.3");
    assert.equal(
      choose({ peers: ["203.0.113.7", "10.1.9.9"] }),
      "10.1.2.3",
      "not the one to itself",
    );
  });

  it("is in the address space of discovery, else on the way to its server", () => {
    const discovers = true;
    assert.equal(choose({ discovers, allowed: ["203.0.113.0/24"] }), "203.0.113.7");
    assert.equal(choose({ discovers, allowed: ["192.0.2.0/24"] }), "10.1.2.3");
    assert.equal(choose({ discovers, servers: ["127.0.0.1", "203.0.113.9"] }), "203.0.113.7");
  });

  it("is no bridge to this host's containers, unless there is nothing else", () => {
    const docker = { name: "docker0", ip: "172.17.0.1", prefix: 16, internal: false };
    assert.equal(choose({ interfaces: [lo, docker, publicOne] }), "203.0.113.7");
    assert.equal(choose({ interfaces: [lo, docker] }), "172.17.0.1");
  });

  it("is not loopback for configured peers on loopback while discovery may bring others", () => {
    assert.equal(choose({ peers: ["127.0.0.1"], discovers: true }), "10.1.2.3");
  });

  it("is loopback only when all peers are, or nothing else is there", () => {
    assert.equal(choose({ peers: ["127.0.0.1", "127.0.0.2"] }), "127.0.0.1");
    assert.equal(choose({ peers: ["::1"] }), "::1");
    assert.equal(choose({ peers: ["127.0.0.1", "10.1.2.4"] }), "10.1.2.3");
    assert.equal(choose({ interfaces: [lo] }), "127.0.0.1");
  });
});
