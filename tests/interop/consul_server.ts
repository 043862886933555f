/**
 * A real Consul agent, a server alone in its cluster, on loopback: ACLs on and closed by default, HTTP and HTTPS.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../tools/project.ts";
import { eventually } from "../eventually.ts";
import { buildGo, type GoBinary, goSkipReason } from "./go_build.ts";

/** May do everything. */
export const MANAGEMENT_TOKEN = "11111111-2222-3333-4444-555555555555";

/** The datacenter of the agent. */
export const DATACENTER = "dc-test";

/** Why no agent can be started here; throws in CI. */
export const consulSkipReason: () => string | false = goSkipReason;

/** Builds the agent, or takes it from the cache. */
export function buildConsul(): Promise<GoBinary> {
  const main = "tests/interop/consul_agent";
  return buildGo({ main, sources: [main] });
}

/** What the catalog says of one instance. */
export interface ServiceEntry {
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Meta: Readonly<Record<string, string>>;
  };
  readonly Checks: readonly {
    readonly Name: string;
    readonly Status: string;
  }[];
}

/** An agent and its files; disposal stops it and removes everything. All that it knows dies with its process. */
export class ConsulServer implements AsyncDisposable {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly #folder: string;
  readonly #config: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string, ports: readonly number[]) {
    const [http, https, serfLan, serfWan, server] = ports as [
      number,
      number,
      number,
      number,
      number,
    ];
    this.httpPort = http;
    this.httpsPort = https;
    this.#folder = folder;
    this.#config = join(folder, "agent.json");
    const pem = (name: string): string => join(ROOT, "tests/fixtures/tls", name);
    const config = {
      node_name: "agent-under-test",
      datacenter: DATACENTER,
      bind_addr: "127.0.0.1",
      client_addr: "127.0.0.1",
      ports: {
        http,
        https,
        serf_lan: serfLan,
        serf_wan: serfWan,
        server,
        dns: -1,
        grpc: -1,
        grpc_tls: -1,
      },
      acl: {
        enabled: true,
        default_policy: "deny",
        tokens: { initial_management: MANAGEMENT_TOKEN, agent: MANAGEMENT_TOKEN },
      },
      tls: {
        defaults: {
          ca_file: pem("cluster_ca.pem"),
          cert_file: pem("node.pem"),
          key_file: pem("node.key.pem"),
        },
      },
      connect: { enabled: false },
      disable_update_check: true,
      disable_host_node_id: true,
      log_level: "warn",
    };
    writeFileSync(this.#config, JSON.stringify(config));
  }

  /** Starts an agent; resolves when it has elected itself and takes tokens. */
  static async start(): Promise<ConsulServer> {
    const ports = await freePorts(5);
    const server = new ConsulServer(mkdtempSync(join(tmpdir(), "althing-consul-")), ports);
    try {
      await server.resume();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it, empty, after it was stopped. */
  async resume(): Promise<void> {
    const { path } = await buildConsul();
    // It ends with its standard input, should we be killed.
    const child = spawn(path, [this.#config], { cwd: this.#folder, stdio: "pipe" });
    this.#child = child;
    child.stdin.on("error", () => {});
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => said = (said + String(chunk)).slice(-4_000));
    }
    await eventually("the Consul agent is ready", async () => {
      if (child.exitCode !== null) throw new Error(`Start the Consul agent: it ended, ${said}`);
      return await this.call("GET", "/v1/acl/token/self").then(() => true, () => false);
    }, 60_000);
  }

  /** Kills it. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await eventually("the agent has ended", () => {
      return child.exitCode !== null || child.signalCode !== null;
    }, 20_000);
  }

  /** Calls its API as the administrator; rejects with what it answers, unless that is a success. */
  async call(method: "GET" | "PUT", path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.httpPort}${path}`, {
      method,
      headers: { "x-consul-token": MANAGEMENT_TOKEN },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  /** Makes a token with these rules, and answers it. */
  async token(rules: string, secret: string = crypto.randomUUID()): Promise<string> {
    const name = `policy-${secret}`;
    const policy = await this.call("PUT", "/v1/acl/policy", { Name: name, Rules: rules });
    const { ID } = policy as { readonly ID: string };
    await this.call("PUT", "/v1/acl/token", { SecretID: secret, Policies: [{ ID }] });
    return secret;
  }

  /** All instances of a service, well or not. */
  async entries(service: string): Promise<readonly ServiceEntry[]> {
    return await this.call("GET", `/v1/health/service/${service}`) as readonly ServiceEntry[];
  }

  /** Stops it and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Ports that nobody has; two of them are used for UDP too. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => {
    return new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
      const server = createServer();
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => resolve(server));
    });
  }));
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
