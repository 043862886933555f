/**
 * Kubernetes discovery against a real API server with RBAC on, and its etcd.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Candidate } from "../../mod.ts";
import { discoveryCases, type DiscoveryWorld } from "../../src/testing/compliance/mod.ts";
import { ROOT } from "../../tools/project.ts";
import { judge } from "../compliance/judge.ts";
import { eventually } from "../eventually.ts";
import { Account, type PodSession } from "../unit/discovery_kubernetes/pod_session.ts";
import { PEER_TOKEN } from "./kube_apiserver.ts";
import { KubeClient, pods } from "./kube_client.ts";
import { KubernetesServer, kubernetesSkipReason } from "./kubernetes_server.ts";
import { TcpProxy } from "./tcp_proxy.ts";

const LABELS = { app: "gw" };

const skip = kubernetesSkipReason();
const server = skip === false ? await KubernetesServer.start() : undefined;
after(() => server?.[Symbol.asyncDispose]());

/** With a time limit, for tests that wait for servers. */
function test(claim: string, work: (at: Place) => Promise<void>): void {
  it(claim, { skip, timeout: 90_000 }, async () => {
    await using at = await Place.make();
    await work(at);
  });
}

/** A namespace, and a way to the server that can be cut. */
class Place implements AsyncDisposable {
  readonly namespace: string;
  readonly proxy: TcpProxy;
  readonly account: Account;

  private constructor(namespace: string, proxy: TcpProxy, account: Account) {
    this.namespace = namespace;
    this.proxy = proxy;
    this.account = account;
  }

  static async make(): Promise<Place> {
    const namespace = await server!.namespace();
    const proxy = await TcpProxy.start(server!.api.port);
    const account = await Account.make(proxy.port, { token: PEER_TOKEN, namespace });
    return new Place(namespace, proxy, account);
  }

  run(name: string, ip: string): Promise<void> {
    return server!.admin.runPod(this.namespace, { name, labels: LABELS }, ip);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.account[Symbol.dispose]();
    await this.proxy[Symbol.asyncDispose]();
  }
}

/** Answers until the hosts are these. */
async function sees(session: PodSession, hosts: string): Promise<void> {
  for (let last = ""; last !== hosts;) {
    last = await session.hosts().catch((error) => {
      throw new Error(`Waited for "${hosts}", the last answer was "${last}"`, { cause: error });
    });
  }
}

/** The first answer, with the watch open for so long that ending it is nothing odd. */
async function settled(session: PodSession, hosts: string): Promise<void> {
  await sees(session, hosts);
  const from = performance.now();
  await eventually("the watch is open for long", () => performance.now() - from > 1_500);
}

async function world(): Promise<DiscoveryWorld> {
  const at = await Place.make();
  const { namespace, proxy, account } = at;
  const peers: readonly [Candidate, Candidate, Candidate] = [
    { host: "10.9.0.2", port: 7946, rpcPort: 10102 },
    { host: "10.9.0.3" },
    { host: "fd00:9::9", port: 7947 },
  ];
  const listed = new Set<string>();
  return {
    provider: account.provider(),
    runtime: account.runtime,
    peers,
    async list(wanted) {
      const names = new Map(wanted.map((peer) => [`gw-${peers.indexOf(peer)}`, peer]));
      for (const name of listed) {
        if (names.has(name)) continue;
        await server!.admin.deletePod(namespace, name);
        listed.delete(name);
      }
      for (const [name, { host, port, rpcPort }] of names) {
        if (listed.has(name)) continue;
        const given = { gossip: port, grpc: rpcPort };
        const ports = Object.fromEntries(
          Object.entries(given).filter((entry): entry is [string, number] => !!entry[1]),
        );
        await server!.admin.runPod(namespace, { name, labels: LABELS, ports }, host);
        listed.add(name);
      }
    },
    turn: (state) => Promise.resolve(proxy.turn(state)),
    asked: () => proxy.accepted,
    open: () => proxy.open,
    [Symbol.asyncDispose]: () => at[Symbol.asyncDispose](),
  };
}

if (server !== undefined) {
  // Pods are there without being announced: rules about that do not apply.
  const cases = discoveryCases({ world, has: ["turn"] }).filter(({ skip }) => skip === undefined);
  judge("Kubernetes discovery", cases);
}

describe("a session of Kubernetes discovery", () => {
  test("sees pods come, become ready, lose their label, terminate and go", async (at) => {
    const { namespace } = at;
    const { admin } = server!;
    await using session = await at.account.open();
    assert.equal(await session.hosts(), "");
    await admin.makePod(namespace, { name: "gw-1", labels: LABELS });
    await admin.makePod(namespace, { name: "other", labels: { app: "other" } });
    await admin.setStatus(namespace, "other", { ip: "10.9.1.9" });
    await admin.setStatus(namespace, "gw-1", { phase: "Pending" });
    await admin.setStatus(namespace, "gw-1", { ip: "10.9.1.1" });
    await sees(session, "10.9.1.1");
    await at.run("gw-2", "10.9.1.2");
    await sees(session, "10.9.1.2 10.9.1.1");
    await admin.label(namespace, "gw-1", { app: "elsewhere" });
    await sees(session, "10.9.1.2");
    await admin.label(namespace, "other", LABELS);
    await sees(session, "10.9.1.2 10.9.1.9");
    await admin.deletePod(namespace, "gw-2", 60);
    const still = await admin.call("GET", `${pods(namespace)}/gw-2`);
    assert.ok("deletionTimestamp" in (still["metadata"] as object), "gw-2 is there, terminating");
    await sees(session, "10.9.1.9");
    await admin.deletePod(namespace, "other");
    await sees(session, "");
    await assert.rejects(admin.call("GET", `${pods(namespace)}/other`), /: 404 /);
    assert.equal(session.said("listed pods").length, 1);
    assert.equal(session.said("error listing pods").length, 0);
  });

  test("tells pods of two families by the address of ours, and not our own", async (at) => {
    const { admin } = server!;
    await at.run("own", "10.1.0.1");
    await admin.makePod(at.namespace, { name: "both", labels: LABELS });
    await admin.setStatus(at.namespace, "both", { ip: "fd00:9::2", secondIp: "10.9.2.2" });
    await using session = await at.account.open();
    assert.equal(await session.hosts(), "10.9.2.2");
  });

  test("misses nothing when its watch is cut, and does not list again", async (at) => {
    await at.run("gw-1", "10.9.3.1");
    await using session = await at.account.open();
    await settled(session, "10.9.3.1");
    const cut = at.run("gw-2", "10.9.3.2");
    at.proxy.cut();
    await cut;
    await sees(session, "10.9.3.1 10.9.3.2");
    assert.equal(session.said("listed pods").length, 1);
    assert.equal(session.said("error listing pods").length, 0);
  });

  test("says which verb is missing, and finds pods once it is granted", async (at) => {
    const { namespace, account } = at;
    const { admin } = server!;
    await admin.makeAccount(namespace, "gw");
    account.rotate(await admin.makeToken(namespace, "gw", "first"));
    await at.run("gw-1", "10.9.4.1");
    await using session = await account.open();
    const refusal = (verb: string): RegExp =>
      new RegExp(
        `^Cannot ${verb} pods of the Kubernetes namespace "${namespace}" at https://127.0.0.1:\\d+: ` +
          `user "system:serviceaccount:${namespace}:gw" may not "${verb}" the resource "pods", ` +
          "bind a Role with the verbs get, list and watch on pods to it$",
      );
    const code = "refused";
    await assert.rejects(session.next(), { code, message: refusal("list") });
    const [record] = session.said("error listing pods");
    assert.equal(record?.level, "error");
    assert.match(String(record?.fields?.["reason"]), refusal("list"));
    const gw = { kind: "ServiceAccount", name: "gw" } as const;
    await admin.grant(namespace, "lister", ["list"], gw);
    await eventually("it may list", () => session.hosts().then(() => true, () => false));
    await assert.rejects(session.next(), { code, message: refusal("watch") });
    await admin.grant(namespace, "watcher", ["watch"], gw);
    await eventually("it may watch", async () => {
      await session.hosts();
      const client = new KubeClient(at.proxy.port, account.token());
      const path = `${pods(namespace)}?watch=true&timeoutSeconds=1`;
      return await client.text("GET", path).then(() => true, () => false);
    });
  });

  test("uses the token that is there when it asks", async (at) => {
    const { namespace, account } = at;
    const { admin } = server!;
    await admin.makeAccount(namespace, "gw");
    const gw = { kind: "ServiceAccount", name: "gw" } as const;
    await admin.grant(namespace, "all", ["get", "list", "watch"], gw);
    const first = await admin.makeToken(namespace, "gw", "first");
    account.rotate(first);
    await using session = await account.open();
    await eventually("it may list", () => session.hosts().then(() => true, () => false));
    account.rotate(await admin.makeToken(namespace, "gw", "second"));
    await admin.call("DELETE", `/api/v1/namespaces/${namespace}/secrets/first`);
    await eventually("the first token is refused", async () => {
      const client = new KubeClient(server!.api.port, first);
      const said = await client.text("GET", pods(namespace)).catch(String);
      return said.includes(": 401 ");
    }, 40_000);
    at.proxy.cut();
    await at.run("gw-1", "10.9.5.1");
    await sees(session, "10.9.5.1");
    assert.equal(session.said("listed pods").length, 1);
  });

  test("uses a kubeconfig with a client certificate", async (at) => {
    const { namespace, account, proxy } = at;
    const tls = (name: string): string => join(ROOT, "tests/fixtures/tls", name);
    const kubeconfig = join(account.folder, "config");
    writeFileSync(
      kubeconfig,
      `
apiVersion: v1
kind: Config
current-context: test
contexts: [{ name: test, context: { cluster: here, user: node, namespace: ${namespace} } }]
clusters: [{ name: here, cluster: {
  server: "https://localhost:${proxy.port}", certificate-authority: "${tls("cluster_ca.pem")}" } }]
users: [{ name: node, user: {
  client-certificate: "${tls("node.pem")}", client-key: "${tls("node.key.pem")}" } }]
`,
    );
    await at.run("gw-1", "10.9.6.1");
    await using session = await account.open({ kubeconfig });
    await assert.rejects(session.next(), {
      code: "refused",
      message: /: user "node" may not "list"/,
    });
    const user = { kind: "User", name: "node" } as const;
    await server!.admin.grant(namespace, "node", ["get", "list", "watch"], user);
    await eventually("it may list", () => session.hosts().then(() => true, () => false));
    await at.run("gw-2", "10.9.6.2");
    await sees(session, "10.9.6.1 10.9.6.2");
  });

  test("of ten nodes holds ten watches, and asks nothing while nothing changes", async (at) => {
    await at.run("gw-1", "10.9.7.1");
    const before = await server!.watches();
    const sessions = await Promise.all(Array.from({ length: 10 }, () => at.account.open()));
    try {
      await Promise.all(sessions.map((session) => sees(session, "10.9.7.1")));
      await eventually("each watches", async () => await server!.watches() === before + 10);
      const [asked, accepted] = [await server!.asked(), at.proxy.accepted];
      assert.equal(accepted, 20);
      const from = performance.now();
      await eventually("two seconds are over", () => performance.now() - from > 2_000);
      assert.equal(await server!.asked(), asked);
      assert.equal(at.proxy.accepted, accepted);
    } finally {
      await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
    }
    await eventually("no watch is left", async () => await server!.watches() === before);
  });

  test("goes on when the server was killed and is back", async (at) => {
    await at.run("gw-1", "10.9.8.1");
    await using session = await at.account.open();
    await settled(session, "10.9.8.1");
    await server!.api.stop();
    await assert.rejects(session.next(), { code: "unreachable" });
    await assert.rejects(session.next(), { code: "unreachable" });
    assert.ok(session.said("error listing pods").length >= 1);
    // Watches go to etcd itself now, which the next test needs.
    await server!.api.restart(["--watch-cache=false"]);
    await sees(session, "10.9.8.1");
    await at.run("gw-2", "10.9.8.2");
    await sees(session, "10.9.8.1 10.9.8.2");
  });

  test("lists anew when etcd was compacted past the version of its watch", async (at) => {
    await at.run("gw-1", "10.9.9.1");
    await using session = await at.account.open();
    await settled(session, "10.9.9.1");
    for (const name of ["one-revision", "and-another"]) await server!.admin.makeNamespace(name);
    await server!.compact();
    at.proxy.cut();
    await at.run("gw-2", "10.9.9.2");
    await sees(session, "10.9.9.1 10.9.9.2");
    const anew = "listing pods anew, the API server has forgotten our version";
    assert.equal(session.said(anew).length, 1);
    assert.equal(session.said("listed pods").length, 2);
    assert.equal(session.said("error listing pods").length, 0);
  });
});
