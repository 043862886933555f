/**
 * What the tests themselves do at a Kubernetes API server.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { ROOT } from "../../tools/project.ts";

/** A JSON object of the API. */
export type KubeObject = Readonly<Record<string, unknown>>;

/** A pod that a test makes. */
export interface TestPod {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Container ports by name. */
  readonly ports?: Readonly<Record<string, number>>;
}

/** What the kubelet would tell of it. */
export interface TestPodStatus {
  readonly ip?: string;
  /** The second address of a pod of two families. */
  readonly secondIp?: string;
  readonly ready?: boolean;
  readonly phase?: string;
}

const CA = readFileSync(join(ROOT, "tests/fixtures/tls/cluster_ca.pem"));

/** Calls with one bearer token. */
export class KubeClient {
  readonly #port: number;
  readonly #token: string;
  readonly #agent = new Agent({ keepAlive: false });

  /** `port`: of 127.0.0.1. */
  constructor(port: number, token: string) {
    this.#port = port;
    this.#token = token;
  }

  /** The text of the answer; rejects with the status and the text when it is not 2xx. */
  text(method: string, path: string, body?: KubeObject): Promise<string> {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const text = body === undefined ? "" : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request({
        host: "127.0.0.1",
        port: this.#port,
        path,
        method,
        ca: CA,
        agent: this.#agent,
        timeout: 20_000,
        headers: {
          authorization: `Bearer ${this.#token}`,
          "content-type": type,
          // Said by hand: the body of a DELETE may get lost otherwise.
          "content-length": new TextEncoder().encode(text).length,
        },
      }, (answer) => {
        let said = "";
        answer.on("data", (chunk) => said += String(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          const { statusCode = 0 } = answer;
          if (statusCode >= 200 && statusCode < 300) resolve(said);
          else reject(new Error(`${method} ${path}: ${statusCode} ${said}`));
        });
      });
      sent.on("timeout", () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.on("error", reject);
      sent.end(text);
    });
  }

  /** The JSON of the answer. */
  async call(method: string, path: string, body?: KubeObject): Promise<KubeObject> {
    return JSON.parse(await this.text(method, path, body)) as KubeObject;
  }

  /** A namespace of that name. */
  async makeNamespace(name: string): Promise<void> {
    await this.call("POST", "/api/v1/namespaces", { metadata: { name } });
  }

  /** A pod that was put on a node, where nobody starts it. */
  async makePod(namespace: string, { name, labels = {}, ports = {} }: TestPod): Promise<void> {
    const named = Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort }));
    await this.call("POST", pods(namespace), {
      metadata: { name, labels },
      spec: {
        // Pods without a node go at once when they are deleted, instead of terminating.
        nodeName: "machine",
        containers: [{ name: "gw", image: "gw", ports: named }],
      },
    });
  }

  /** Tells of a pod what its kubelet would. */
  async setStatus(namespace: string, name: string, status: TestPodStatus): Promise<void> {
    const { ip, secondIp, ready = false, phase = "Running" } = status;
    const podIPs = [ip, secondIp].filter((one) => one !== undefined).map((ip) => ({ ip }));
    await this.call("PATCH", `${pods(namespace)}/${name}/status`, {
      status: {
        phase,
        podIP: ip,
        podIPs,
        conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      },
    });
  }

  /** A pod that runs and is ready. */
  async runPod(namespace: string, pod: TestPod, ip: string): Promise<void> {
    await this.makePod(namespace, pod);
    await this.setStatus(namespace, pod.name, { ip, ready: true });
  }

  /** Gives and, by `null`, takes labels. */
  async label(
    namespace: string,
    name: string,
    labels: Readonly<Record<string, string | null>>,
  ): Promise<void> {
    await this.call("PATCH", `${pods(namespace)}/${name}`, { metadata: { labels } });
  }

  /** Asks the pod to stop within so many seconds; 0: it is gone. */
  async deletePod(namespace: string, name: string, graceSeconds = 0): Promise<void> {
    await this.call("DELETE", `${pods(namespace)}/${name}`, { gracePeriodSeconds: graceSeconds });
  }

  /** Grants a role with these verbs on pods to a subject. */
  async grant(
    namespace: string,
    name: string,
    verbs: readonly string[],
    subject: { readonly kind: "User" | "ServiceAccount"; readonly name: string },
  ): Promise<void> {
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await this.call("POST", `${rbac}/roles`, {
      metadata: { name },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs }],
    });
    const to = subject.kind === "User"
      ? { ...subject, apiGroup: "rbac.authorization.k8s.io" }
      : { ...subject, namespace };
    await this.call("POST", `${rbac}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [to],
    });
  }

  /** A service account. */
  async makeAccount(namespace: string, name: string): Promise<void> {
    await this.call("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, {
      metadata: { name },
    });
  }

  /** A token of it that is good for as long as the secret of that name is there, which this makes. */
  async makeToken(namespace: string, account: string, secret: string): Promise<string> {
    const made = await this.call("POST", `/api/v1/namespaces/${namespace}/secrets`, {
      metadata: { name: secret },
    });
    const { uid } = made["metadata"] as { readonly uid: string };
    const answer = await this.call(
      "POST",
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      { spec: { boundObjectRef: { kind: "Secret", apiVersion: "v1", name: secret, uid } } },
    );
    return (answer["status"] as { readonly token: string }).token;
  }
}

/** Path of a namespace's pods. */
export function pods(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}
