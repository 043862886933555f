/**
 * A Kubernetes API server on an etcd, both on loopback, as discovery meets them. No kubelet: the tests tell the status of
 * pods.
 *
 * @module
 */

import { eventually } from "../eventually.ts";
import { EtcdServer, etcdSkipReason } from "./etcd_server.ts";
import { goSkipReason } from "./go_build.ts";
import { ADMIN_TOKEN, KubeApiserver, PEER_TOKEN } from "./kube_apiserver.ts";
import { KubeClient, pods } from "./kube_client.ts";

/** Why none can be started here; throws in CI. */
export function kubernetesSkipReason(): string | false {
  return goSkipReason() || etcdSkipReason();
}

/** Both servers; disposal stops them. */
export class KubernetesServer implements AsyncDisposable {
  readonly etcd: EtcdServer;
  readonly api: KubeApiserver;
  /** May do everything. */
  readonly admin: KubeClient;
  #namespaces = 0;

  private constructor(etcd: EtcdServer, api: KubeApiserver) {
    this.etcd = etcd;
    this.api = api;
    this.admin = new KubeClient(api.port, ADMIN_TOKEN);
  }

  /** Starts both; resolves when the user `peer` may get, list and watch pods everywhere. */
  static async start(): Promise<KubernetesServer> {
    const etcd = await EtcdServer.start();
    let api: KubeApiserver | undefined;
    try {
      api = await KubeApiserver.start(etcd.endpoints[0]!);
      const server = new KubernetesServer(etcd, api);
      await server.#admitPeers();
      return server;
    } catch (error) {
      await api?.[Symbol.asyncDispose]();
      await etcd[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A new namespace. */
  async namespace(): Promise<string> {
    const name = `team-${++this.#namespaces}`;
    await this.admin.makeNamespace(name);
    return name;
  }

  /** Has etcd forget everything but the present. */
  async compact(): Promise<void> {
    const ask = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const url = `${this.etcd.endpoints[0]}/v3/kv/${path}`;
      const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`etcd answers ${answer.status}: ${await answer.text()}`);
      return await answer.json() as Record<string, unknown>;
    };
    const { header } = await ask("range", { key: btoa("none") });
    const { revision } = header as { readonly revision: string };
    await ask("compaction", { revision, physical: true });
  }

  /** How many watches of pods are open. */
  watches(): Promise<number> {
    return this.#metric(/^apiserver_longrunning_requests\{(?=.*resource="pods")(?=.*verb="WATCH")/);
  }

  /** How many questions about pods there were so far, of whatever kind. */
  asked(): Promise<number> {
    return this.#metric(/^apiserver_request_total\{(?=.*resource="pods")/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]();
    await this.etcd[Symbol.asyncDispose]();
  }

  async #metric(name: RegExp): Promise<number> {
    const lines = (await this.admin.text("GET", "/metrics")).split("\n");
    return lines.filter((line) => name.test(line))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  async #admitPeers(): Promise<void> {
    const rbac = "/apis/rbac.authorization.k8s.io/v1";
    const apiGroup = "rbac.authorization.k8s.io";
    await this.admin.call("POST", `${rbac}/clusterroles`, {
      metadata: { name: "peers" },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }],
    });
    await this.admin.call("POST", `${rbac}/clusterrolebindings`, {
      metadata: { name: "peers" },
      roleRef: { apiGroup, kind: "ClusterRole", name: "peers" },
      subjects: [{ apiGroup, kind: "User", name: "peer" }],
    });
    const peer = new KubeClient(this.api.port, PEER_TOKEN);
    await eventually("peers may list pods", async () => {
      return await peer.call("GET", pods("default")).then(() => true, () => false);
    });
  }
}
