import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  etcdDiscovery,
  type EtcdDiscoveryOptions,
} from "../../../adapters/discovery_etcd/etcd_discovery.ts";
import { resolveEtcd } from "../../../adapters/discovery_etcd/options.ts";
import { ClusterError } from "../../../mod.ts";

const BASE: EtcdDiscoveryOptions = { serviceName: "gw", endpoints: ["10.0.0.1:2379"] };

describe("the options of discovery by etcd", () => {
  it("are complete with a service and an endpoint", () => {
    const { endpoints, leaseMs, attemptMs, credentials } = resolveEtcd(BASE);
    assert.deepEqual(endpoints.map(({ text }) => text), ["http://10.0.0.1:2379"]);
    assert.equal(leaseMs, 30_000);
    assert.equal(attemptMs, 10_000);
    assert.equal(credentials, undefined);
    assert.equal(etcdDiscovery(BASE).name, "etcd");
  });

  it("share the time among the endpoints", () => {
    const endpoints = ["a:1", "b:1", "c:1", "d:1"];
    assert.equal(resolveEtcd({ ...BASE, endpoints }).attemptMs, 2_500);
    assert.equal(resolveEtcd({ ...BASE, endpoints, timeoutMs: 1_500 }).attemptMs, 1_000);
  });

  it("mean TLS by their scheme, and where certificates are given", () => {
    const textOf = (options: Partial<EtcdDiscoveryOptions>): string =>
      resolveEtcd({ ...BASE, ...options }).endpoints[0]!.text;
    assert.equal(textOf({ caFile: "ca.pem" }), "https://10.0.0.1:2379");
    assert.equal(textOf({ endpoints: ["https://[fd00::1]:1/"] }), "https://[fd00::1]:1");
    assert.equal(textOf({ endpoints: ["http://etcd:1"] }), "http://etcd:1");
  });

  const refused: readonly (readonly [Partial<EtcdDiscoveryOptions>, RegExp])[] = [
    [{ serviceName: "a/b" }, /service name is "a\/b", use one without/],
    [{ endpoints: [] }, /no endpoint, name one/],
    [{ endpoints: ["etcd"] }, /endpoint "etcd" is no address, write it like/],
    [{ endpoints: ["ftp://etcd:1"] }, /"ftp:\/\/etcd:1" is no address/],
    [{ endpoints: ["etcd:1/v3"] }, /"etcd:1\/v3" is no address/],
    [{ username: "u" }, /user name and its password belong together/],
    [{ certFile: "c.pem" }, /certificate and its key belong together/],
    [{ leaseMs: 1_500 }, /leaseMs is 1500, use whole seconds/],
    [{ leaseMs: 0 }, /leaseMs is 0/],
    [{ timeoutMs: Number.NaN }, /timeoutMs is NaN/],
    [{ endpoints: ["http://etcd:1"], caFile: "ca.pem" }, /without TLS .* say https/],
  ];
  for (const [options, message] of refused) {
    it(`are refused as ${message.source}`, () => {
      assert.throws(() => etcdDiscovery({ ...BASE, ...options }), (error) => {
        assert.ok(ClusterError.is(error, "bad-config"));
        assert.match(error.message, message);
        return true;
      });
    });
  }
});
