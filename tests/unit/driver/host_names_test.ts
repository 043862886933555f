import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "../../../src/core/errors.ts";
import { hostPort, resolveHostPort } from "../../../src/driver/host_names.ts";

describe("peer addresses", () => {
  it("are refused in one sentence that quotes them", () => {
    assert.throws(
      () => hostPort("a b:7"),
      (error) => ClusterError.is(error, "bad-config") && error.message.includes('"a b:7"'),
    );
  });

  it("stand for all addresses of a name and for none of one that does not resolve", async () => {
    const dns = {
      addresses: (host: string) => Promise.resolve(host === "two" ? ["10.0.0.1", "::1"] : []),
    };
    assert.deepEqual(await resolveHostPort(hostPort("two:7"), dns), ["10.0.0.1:7", "[::1]:7"]);
    assert.deepEqual(await resolveHostPort(hostPort("none:7"), dns), []);
    assert.deepEqual(await resolveHostPort(hostPort("[::1]:7"), dns), ["[::1]:7"]);
  });
});
