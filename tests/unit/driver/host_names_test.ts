import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "../../../src/core/errors.ts";
import { parseHostPort, resolveHostPort } from "../../../src/driver/host_names.ts";

describe("peer addresses", () => {
  for (
    const [entry, host, port] of [
      ["10.0.0.1:7", "10.0.0.1", 7],
      ["10.0.0.1", "10.0.0.1", 10101],
      ["[::1]:7", "::1", 7],
      ["[::1]", "::1", 10101],
      ["2001:db8::1", "2001:db8::1", 10101],
      ["gw-0.gw.svc:7", "gw-0.gw.svc", 7],
      ["localhost", "localhost", 10101],
    ] as const
  ) {
    it(`reads ${entry}`, () => assert.deepEqual(parseHostPort(entry, 10101), { host, port }));
  }

  for (const bad of ["", ":7", "a:70000", "a:0", "a b:7", "[x]:7", "http://a:7", "a:b"]) {
    it(`refuses ${JSON.stringify(bad)} in one sentence that quotes it`, () => {
      assert.throws(
        () => parseHostPort(bad, 10101),
        (error) => ClusterError.is(error, "bad-config") && error.message.includes(JSON.stringify(bad)),
      );
    });
  }

  it("tries all addresses of a name and none of one that does not resolve", async () => {
    const dns = { addresses: (host: string) => Promise.resolve(host === "two" ? ["10.0.0.1", "::1"] : []) };
    assert.deepEqual(await resolveHostPort({ host: "two", port: 7 }, dns), ["10.0.0.1:7", "[::1]:7"]);
    assert.deepEqual(await resolveHostPort({ host: "none", port: 7 }, dns), []);
    assert.deepEqual(await resolveHostPort({ host: "10.0.0.9", port: 7 }, dns), ["10.0.0.9:7"]);
  });
});
