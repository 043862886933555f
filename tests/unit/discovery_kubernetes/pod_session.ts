/**
 * A session of Kubernetes discovery as a pod has it: with a service account folder, its environment, and a log.
 *
 * @module
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  kubernetesDiscovery,
  type KubernetesDiscoveryOptions,
} from "../../../adapters/discovery_kubernetes/kubernetes_discovery.ts";
import type {
  Candidate,
  DiscoveryProvider,
  DiscoverySelf,
  DiscoverySession,
  LogRecord,
  Runtime,
} from "../../../mod.ts";
import { ROOT } from "../../../tools/project.ts";
import { runtimeUnderTest } from "../../runtime_under_test.ts";

/** The node that the sessions belong to. */
export const SELF: DiscoverySelf = {
  nodeId: "gw-1",
  bootId: "boot-1",
  region: "here",
  ip: "10.1.0.1",
  port: 10101,
  rpcPort: 10102,
  capabilities: [],
  version: "0.0.0",
};

/** What differs from a pod in the namespace `default` with the token `first-token`. */
export interface AccountPlan {
  readonly token?: string;
  readonly namespace?: string;
  /** Name of the certificate authority in `tests/fixtures/tls`. */
  readonly ca?: string;
}

/** A pod's service account, for an API server on a port of 127.0.0.1; disposal removes its folder. */
export class Account implements Disposable {
  readonly folder: string;
  readonly runtime: Runtime;

  private constructor(folder: string, runtime: Runtime) {
    this.folder = folder;
    this.runtime = runtime;
  }

  static async make(port: number, plan: AccountPlan = {}): Promise<Account> {
    const folder = mkdtempSync(join(tmpdir(), "althing-account-"));
    const { token = "first-token", namespace, ca = "cluster_ca" } = plan;
    writeFileSync(join(folder, "token"), `${token}\n`);
    writeFileSync(
      join(folder, "ca.crt"),
      readFileSync(join(ROOT, "tests/fixtures/tls", `${ca}.pem`)),
    );
    if (namespace !== undefined) writeFileSync(join(folder, "namespace"), namespace);
    const variables: Readonly<Record<string, string>> = {
      KUBERNETES_SERVICE_HOST: "127.0.0.1",
      KUBERNETES_SERVICE_PORT: String(port),
    };
    const runtime = {
      ...await runtimeUnderTest(),
      env: { get: (name: string) => variables[name] },
    };
    return new Account(folder, runtime);
  }

  /** The token that is in place. */
  token(): string {
    return readFileSync(join(this.folder, "token"), "utf8").trim();
  }

  /** Puts another token in place. */
  rotate(token: string): void {
    writeFileSync(join(this.folder, "token"), token);
  }

  /** A provider that uses the account. */
  provider(options: Partial<KubernetesDiscoveryOptions> = {}): DiscoveryProvider {
    return kubernetesDiscovery({
      labelSelector: "app=gw",
      serviceAccountFolder: this.folder,
      timeoutMs: 5_000,
      ...options,
    });
  }

  /** Opens a session. */
  open(options: Partial<KubernetesDiscoveryOptions> = {}): Promise<PodSession> {
    return PodSession.open(this.provider(options), this.runtime);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A session and all that it has told. */
export class PodSession implements AsyncDisposable {
  readonly session: DiscoverySession;
  readonly records: readonly LogRecord[];

  private constructor(session: DiscoverySession, records: readonly LogRecord[]) {
    this.session = session;
    this.records = records;
  }

  static async open(provider: DiscoveryProvider, runtime: Runtime): Promise<PodSession> {
    const records: LogRecord[] = [];
    const session = await provider.open({
      runtime,
      self: SELF,
      gossipKeys: () => [],
      say: (level, message, fields) => records.push({ level, message, fields: fields ?? {} }),
      forgotten: () => {},
    });
    return new PodSession(session, records);
  }

  /** The next answer; rejects after ten seconds without one. */
  async next(): Promise<readonly Candidate[]> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), 10_000);
    try {
      return (await this.session.next(controller.signal)).candidates;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The hosts of the next answer. */
  async hosts(): Promise<string> {
    return (await this.next()).map(({ host }) => host).join(" ");
  }

  /** What was logged under that message. */
  said(message: string): readonly LogRecord[] {
    return this.records.filter((record) => record.message === message);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.session[Symbol.asyncDispose]());
  }
}
