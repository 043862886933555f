import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeEntry, encodeEntry, prefixOf } from "../../../adapters/discovery_etcd/entry.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const self = {
  nodeId: "gw-1",
  bootId: "1",
  region: "eu",
  ip: "10.0.0.1",
  port: 7,
  rpcPort: 8,
  capabilities: ["ack:v1"],
  version: "1",
};

describe("an entry in etcd", () => {
  it("is written as others read it", () => {
    assert.deepEqual(JSON.parse(new TextDecoder().decode(encodeEntry(self))), {
      address: "10.0.0.1:7",
      node_id: "gw-1",
      region: "eu",
      rpc_port: 8,
    });
    assert.equal(prefixOf("gw"), "/services/gw/");
  });

  it("is read as it was written, IPv6 too", () => {
    for (const ip of ["10.0.0.1", "fd00::1"]) {
      assert.deepEqual(decodeEntry("gw-1", encodeEntry({ ...self, ip })), {
        host: ip,
        port: 7,
        nodeId: "gw-1",
        region: "eu",
        rpcPort: 8,
      });
    }
  });

  it("may be a plain address, and say less", () => {
    const plain = { host: "10.0.0.1", port: 7, nodeId: "gw-1" };
    assert.deepEqual(decodeEntry("gw-1", bytes("10.0.0.1:7\n")), plain);
    assert.deepEqual(decodeEntry("gw-1", bytes('{"address":"10.0.0.1:7"}')), plain);
    assert.deepEqual(decodeEntry("", bytes("[fd00::1]:7")), { host: "fd00::1", port: 7 });
    assert.deepEqual(decodeEntry("", bytes("gw.example:7")), { host: "gw.example", port: 7 });
  });

  it("loses the fields that make no sense", () => {
    const odd = '{"address":"h:7","node_id":5,"region":"a\\u0000b","rpc_port":"70000"}';
    assert.deepEqual(decodeEntry("key", bytes(odd)), { host: "h", port: 7, nodeId: "key" });
  });

  const unreadable = [
    "",
    "{",
    "null",
    "[]",
    "10.0.0.1",
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "fd00::1:7",
    "[10.0.0.1]:7",
    "a b:7",
    '{"address":7}',
    '{"address":"10.0.0.1"}',
    `{"address":"h:7","x":"${"x".repeat(5_000)}"}`,
  ];
  for (const value of unreadable) {
    it(`is none with the value ${value.slice(0, 30)}`, () => {
      assert.equal(decodeEntry("key", bytes(value)), undefined);
    });
  }
});
