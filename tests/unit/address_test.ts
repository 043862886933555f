import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  bytesToIp,
  formatAddress,
  ipToBytes,
  parseAddress,
  sameIp,
} from "../../src/core/address.ts";

describe("addresses", () => {
  for (
    const [text, expected] of [
      ["1.2.3.4", "1.2.3.4"],
      ["::1", "::1"],
      ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
      ["fe80::1%eth0", "fe80::1"],
      ["::ffff:10.0.0.1", "10.0.0.1"],
      ["::", "::"],
      ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ] as const
  ) {
    it(`reads ${text} and writes ${expected}`, () => {
      const bytes = ipToBytes(text);
      assert.ok(bytes !== undefined);
      assert.equal(bytesToIp(bytes), expected);
    });
  }

  for (
    const bad of [
      "",
      "1.2.3",
      "1.2.3.256",
      "01.2.3.4",
      "1::2::3",
      "12345::",
      "g::",
      "1:2:3:4:5:6:7",
      "host",
    ]
  ) {
    it(`refuses ${JSON.stringify(bad)}`, () => assert.equal(ipToBytes(bad), undefined));
  }

  it("splits and joins ip and port", () => {
    assert.deepEqual(parseAddress("10.0.0.1:80"), { ip: "10.0.0.1", port: 80 });
    assert.deepEqual(parseAddress("[::1]:80"), { ip: "::1", port: 80 });
    assert.equal(parseAddress("::1:80"), undefined);
    assert.equal(parseAddress("10.0.0.1:65536"), undefined);
    assert.equal(formatAddress("::ffff:10.0.0.1", 80), "10.0.0.1:80");
    assert.equal(formatAddress("::1", 80), "[::1]:80");
  });

  it("takes v4 and v4-mapped for the same host", () => {
    assert.ok(sameIp(ipToBytes("10.0.0.1")!, ipToBytes("::ffff:10.0.0.1")!));
    assert.ok(!sameIp(ipToBytes("10.0.0.1")!, ipToBytes("10.0.0.2")!));
  });
});
