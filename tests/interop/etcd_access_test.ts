/**
 * Discovery by etcd that asks for user names, passwords and certificates.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { etcdDiscovery } from "../../adapters/discovery_etcd/etcd_discovery.ts";
import { ClusterError } from "../../mod.ts";
import { ROOT } from "../../tools/project.ts";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { EtcdFollower, type FollowerOptions } from "./etcd_follower.ts";
import { EtcdServer, etcdSkipReason } from "./etcd_server.ts";

const skip = etcdSkipReason();
const runtime = await runtimeUnderTest();

/** With a time limit, for tests that wait for servers. */
function test(claim: string, work: () => Promise<void>): void {
  it(claim, { skip, timeout: 60_000 }, work);
}

/** Waits for a rejection, and checks it. */
async function rejected(
  node: EtcdFollower,
  code: string,
  message: RegExp,
): Promise<void> {
  const error = await eventually("it is rejected", () => node.rejections[0], 20_000);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  const all = `${error.message} ${error.stack} ${error.cause} ${node.lines}`;
  assert.doesNotMatch(all, /only for tests|guessed/);
}

describe("etcd with users", () => {
  const PASSWORD = "only for tests";
  const server = skip === false ? EtcdServer.start() : undefined;
  after(async () => (await server)?.[Symbol.asyncDispose]());

  /** Users `root` and `gateway`, the second of whom may use one service; answers an administrator's token. */
  const ready = server?.then(async ({ members: [member] }) => {
    for (const name of ["root", "gateway"]) {
      await member!.call("/auth/user/add", { name, password: PASSWORD });
      await member!.call("/auth/role/add", { name });
      await member!.call("/auth/user/grant", { user: name, role: name });
    }
    const key = btoa("/services/gw/");
    const perm = { permType: "READWRITE", key, range_end: btoa("/services/gw0") };
    await member!.call("/auth/role/grant", { name: "gateway", perm });
    const asGateway = await open({});
    // Before users are asked for, a user name does no harm.
    await asGateway.announce();
    await asGateway.finds(["a"]);
    await asGateway.withdraw();
    await asGateway[Symbol.asyncDispose]();
    await member!.call("/auth/enable", {});
    const { token } = await member!.call("/auth/authenticate", {
      name: "root",
      password: PASSWORD,
    });
    return { member: member!, token: token! };
  });
  ready?.catch(() => {});

  async function open(changes: Partial<FollowerOptions>): Promise<EtcdFollower> {
    return await EtcdFollower.start(runtime, "a", {
      serviceName: "gw",
      endpoints: (await server)!.endpoints,
      username: "gateway",
      password: PASSWORD,
      leaseMs: 1_000,
      ...changes,
    });
  }

  test("lets a node in that has the password, and the right to one service", async () => {
    const { member, token } = await ready!;
    await using a = await open({});
    await a.announce();
    await a.finds(["a"]);
    await member.put("/services/gw/b", "10.0.0.2:7", token);
    await a.finds(["a", "b"]);
    await a.withdraw();
    await a.finds(["b"]);
    assert.deepEqual(a.rejections, []);
  });

  test("gives out a new token when the old one is of no use any more", async () => {
    const { member, token } = await ready!;
    await using a = await open({});
    await a.announce();
    await eventually("it is found", () => a.found.includes("a"));
    // The same password again: the tokens that were given out for it are gone.
    await member.call("/auth/user/changepw", { name: "gateway", password: PASSWORD }, token);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.ok(a.found.includes("a"), "the lease was renewed with another token");
    assert.deepEqual([...a.rejections, ...a.forgotten], []);
  });

  test("says what is wrong with password, user and rights", async () => {
    await ready;
    const cure = /check the user, its password and its rights/;
    {
      await using a = await open({ password: "guessed" });
      await rejected(a, "refused", /authentication failed, invalid user ID or password/);
      await rejected(a, "refused", cure);
      assert.ok(a.lines.some((line) => line.startsWith("etcd client error ")));
    }
    {
      await using a = await open({ username: undefined, password: undefined });
      await rejected(a, "refused", /user name is empty/);
    }
    {
      await using a = await open({ serviceName: "another" });
      await rejected(a, "refused", /permission denied/);
    }
    await using a = await EtcdFollower.idle(runtime, "a", {
      serviceName: "another",
      endpoints: (await server)!.endpoints,
      username: "gateway",
      password: PASSWORD,
    });
    void a.announce();
    await rejected(a, "refused", /write this node's entry to etcd: .*permission denied/);
    assert.ok(a.lines.some((line) => line.startsWith("failed to register with etcd ")));
  });
});

describe("etcd with TLS", () => {
  const certificates = { certificate: "node", clientCertificates: true };
  const server = skip === false ? EtcdServer.start(certificates) : undefined;
  const elsewhere = skip === false ? EtcdServer.start({ certificate: "elsewhere" }) : undefined;
  after(async () => {
    await (await server)?.[Symbol.asyncDispose]();
    await (await elsewhere)?.[Symbol.asyncDispose]();
  });

  const file = (name: string): string => join(ROOT, "tests/fixtures/tls", name);
  const OURS = {
    caFile: file("cluster_ca.pem"),
    certFile: file("node.pem"),
    keyFile: file("node.key.pem"),
  };

  async function refused(
    options: FollowerOptions,
    code: string,
    message: RegExp,
  ): Promise<void> {
    await using a = await EtcdFollower.start(runtime, "a", options);
    await rejected(a, code, message);
  }

  test("takes nodes with a certificate, at its address and at its name", async () => {
    const { members: [member] } = (await server)!;
    const byName = `localhost:${member!.port}`;
    const byAddress = `https://127.0.0.1:${member!.port}`;
    await using a = await EtcdFollower.start(runtime, "a", { endpoints: [byName], ...OURS });
    await using b = await EtcdFollower.start(runtime, "b", { endpoints: [byAddress], ...OURS });
    await Promise.all([a.announce(), b.announce()]);
    await Promise.all([a.finds(["a", "b"]), b.finds(["a", "b"])]);
    assert.deepEqual([...a.rejections, ...b.rejections], []);
  });

  test("takes nobody without a certificate, and nobody without TLS", async () => {
    const { endpoints, members: [member] } = (await server)!;
    const { caFile } = OURS;
    await refused({ endpoints, caFile }, "unreachable", /etcd at https:.* check /);
    const plain = `http://127.0.0.1:${member!.port}`;
    await refused({ endpoints: [plain] }, "unreachable", /check whether it wants TLS/);
  });

  test("is not believed with another authority's certificate, or another host's", async () => {
    const { endpoints } = (await server)!;
    const tls = /etcd at https:\S+: TLS failed with \w+, check the certificates and the authority/;
    await refused({ endpoints, ...OURS, caFile: file("foreign_ca.pem") }, "refused", tls);
    await refused({ endpoints }, "refused", tls);
    const { endpoints: others } = (await elsewhere)!;
    await refused({ endpoints: others, caFile: OURS.caFile }, "refused", tls);
    // One that cannot be trusted does not keep us from the next.
    await using a = await EtcdFollower.start(runtime, "a", {
      serviceName: "beside",
      endpoints: [...others, ...endpoints],
      ...OURS,
    });
    await a.announce();
    await a.finds(["a"]);
  });

  test("says at opening which file is not there", async () => {
    const options = { serviceName: "gw", endpoints: (await server)!.endpoints };
    const provider = etcdDiscovery({ ...options, ...OURS, caFile: "/nowhere/ca.pem" });
    await using idle = await EtcdFollower.idle(runtime, "a", { endpoints: ["localhost:1"] });
    const context = {
      runtime,
      self: idle.self,
      gossipKeys: () => [],
      say: () => {},
      forgotten: () => {},
    };
    await assert.rejects(provider.open(context), (error) => {
      assert.ok(ClusterError.is(error, "bad-config"));
      assert.match(error.message, /\/nowhere\/ca\.pem/);
      return true;
    });
  });
});
