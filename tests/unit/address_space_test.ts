import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AddressSpace } from "../../src/core/address_space.ts";

const holds = (blocks: readonly string[], ip: string) => new AddressSpace(blocks).holds(ip);

describe("an address space", () => {
  it("holds every address when it has no blocks, and nothing that is none", () => {
    for (const ip of ["10.0.0.1", "::1", "255.255.255.255"]) assert.ok(holds([], ip), ip);
    for (const text of ["", "gw.example", "10.0.0", "10.0.0.1:7", "[::1]"]) {
      assert.ok(!holds([], text), text);
    }
  });

  it("compares whole and broken bytes of a prefix", () => {
    assert.ok(holds(["10.0.0.0/8"], "10.255.1.2"));
    assert.ok(!holds(["10.0.0.0/8"], "11.0.0.0"));
    assert.ok(holds(["172.16.0.0/12"], "172.31.255.255"));
    assert.ok(!holds(["172.16.0.0/12"], "172.32.0.0"));
    assert.ok(holds(["10.1.2.3/32"], "10.1.2.3"));
    assert.ok(!holds(["10.1.2.3/32"], "10.1.2.2"));
    assert.ok(holds(["2001:db8::/33"], "2001:db8:7fff::1"));
    assert.ok(!holds(["2001:db8::/33"], "2001:db8:8000::1"));
    assert.ok(holds(["10.0.0.0/8", "fd00::/8"], "fd12::9"));
  });

  it("knows the families apart, but for v4-mapped addresses, which are IPv4", () => {
    assert.ok(holds(["10.0.0.0/8"], "::ffff:10.1.2.3"));
    assert.ok(holds(["::ffff:10.0.0.0/104"], "10.1.2.3"));
    assert.ok(!holds(["::ffff:10.0.0.0/104"], "11.1.2.3"));
    assert.ok(!holds(["::/0"], "10.1.2.3"));
    assert.ok(!holds(["0.0.0.0/0"], "fd00::1"));
    assert.ok(holds(["0.0.0.0/0"], "203.0.113.1"));
  });

  it("refuses what is no block", () => {
    for (const text of ["10.0.0.0", "10.0.0.0/33", "::/129", "gw/8", "10.0.0.0/-1", "/8"]) {
      assert.throws(() => new AddressSpace([text]), RangeError, text);
    }
  });
});
