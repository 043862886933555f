/**
 * etcd servers of Debian's package `etcd-server`, in folders of their own, on loopback.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../tools/project.ts";
import { eventually } from "../eventually.ts";

/** Where Debian puts the program. */
const PROGRAM = "/usr/bin/etcd";

/** Quicker than the defaults, so that the shortest lease is a second and an election takes less. */
const TIMING = ["--heartbeat-interval=50", "--election-timeout=500"];

/**
 * Why no server can be started here: text for a test's `skip` option, `false` when all is well.
 *
 * Throws when `CI` is `true`: there a missing server must not hide the tests.
 */
export function etcdSkipReason(): string | false {
  if (existsSync(PROGRAM)) return false;
  const reason = "no etcd server: install Debian's package etcd-server";
  if (process.env["CI"] === "true") throw new Error(`Run the etcd tests in CI: ${reason}`);
  return reason;
}

/** How the members of a cluster serve their clients. */
export interface EtcdServerOptions {
  /** How many. @default {1} */
  readonly members?: number;
  /** The name of a certificate in `tests/fixtures/tls` to serve TLS with. */
  readonly certificate?: string;
  /** Ask clients for a certificate of `cluster_ca`. */
  readonly clientCertificates?: boolean;
}

/** Members and their data; disposal stops them and removes everything. */
export class EtcdServer implements AsyncDisposable {
  readonly members: readonly EtcdMember[];
  readonly #folder: string;

  private constructor(members: readonly EtcdMember[], folder: string) {
    this.members = members;
    this.#folder = folder;
  }

  /** Starts all members; resolves when they serve. */
  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    const count = options.members ?? 1;
    const ports = await freePorts(2 * count);
    const folder = mkdtempSync(join(tmpdir(), "althing-etcd-"));
    const initial = Array.from(
      { length: count },
      (_, i) => `m${i}=http://127.0.0.1:${ports[2 * i + 1]}`,
    );
    const members = Array.from({ length: count }, (_, i) =>
      new EtcdMember({
        name: `m${i}`,
        folder: join(folder, `m${i}`),
        port: ports[2 * i]!,
        peerPort: ports[2 * i + 1]!,
        initial: initial.join(","),
        options,
      }));
    const server = new EtcdServer(members, folder);
    try {
      await Promise.all(members.map((member) => member.start()));
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `http://127.0.0.1:port` of every member. */
  get endpoints(): readonly string[] {
    return this.members.map(({ endpoint }) => endpoint);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.end("SIGKILL")));
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

interface EtcdMemberPlan {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  readonly peerPort: number;
  readonly initial: string;
  readonly options: EtcdServerOptions;
}

/** What the JSON gateway answers, as far as tests look at it. */
export interface EtcdJson {
  readonly header?: { readonly revision?: string; readonly member_id?: string };
  readonly kvs?: readonly {
    readonly key: string;
    readonly value?: string;
    readonly lease?: string;
  }[];
  readonly leader?: string;
  readonly token?: string;
}

/** A key, its value, and its lease or `"0"`. */
export interface EtcdPair {
  readonly key: string;
  readonly value: string;
  readonly lease: string;
}

/** The key after all that begin so, in base64. */
function endOf(prefix: string): string {
  return btoa(prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1));
}

/** One process. */
export class EtcdMember {
  readonly #plan: EtcdMemberPlan;
  #child: ChildProcess | undefined;
  #hasEnded = true;

  constructor(plan: EtcdMemberPlan) {
    this.#plan = plan;
  }

  get port(): number {
    return this.#plan.port;
  }

  get endpoint(): string {
    const { port, options } = this.#plan;
    return `${options.certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  }

  /** Starts it, anew with the same data after it has ended; resolves when it takes calls. */
  async start(): Promise<void> {
    // A test process that is killed takes its server along.
    const child = spawn("setpriv", ["--pdeathsig=KILL", PROGRAM, ...this.#arguments()], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    this.#hasEnded = false;
    child.once("exit", () => this.#hasEnded = true);
    let said = "";
    child.stderr?.on("data", (chunk) => said = (said + String(chunk)).slice(-100_000));
    await eventually(`etcd serves on port ${this.port}`, () => {
      if (this.#hasEnded) throw new Error(`etcd has ended:\n${said}`);
      return /serving (insecure )?client (requests|traffic)/i.test(said);
    }, 30_000);
  }

  /** Calls etcd's JSON gateway, as an administrator: `/v3<path>`; rejects with what etcd says against it. */
  async call(path: string, body: unknown, token?: string): Promise<EtcdJson> {
    const response = await fetch(`http://127.0.0.1:${this.port}/v3${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
      headers: token === undefined ? {} : { authorization: token },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`etcd says to ${path}: ${text}`);
    return JSON.parse(text);
  }

  /** Writes a key. */
  async put(key: string, value: string, token?: string): Promise<void> {
    await this.call("/kv/put", { key: btoa(key), value: btoa(value) }, token);
  }

  /** The keys below a prefix and what they hold. */
  async range(prefix: string): Promise<readonly EtcdPair[]> {
    const { kvs = [] } = await this.call("/kv/range", {
      key: btoa(prefix),
      range_end: endOf(prefix),
    });
    return kvs.map(({ key, value = "", lease = "0" }) => ({
      key: atob(key),
      value: atob(value),
      lease,
    }));
  }

  /** Deletes the keys below a prefix. */
  async delete(prefix: string): Promise<void> {
    await this.call("/kv/deleterange", { key: btoa(prefix), range_end: endOf(prefix) });
  }

  /** Ends the leases of the keys below a prefix. */
  async revoke(prefix: string): Promise<void> {
    for (const { lease } of await this.range(prefix)) {
      if (lease !== "0") await this.call("/lease/revoke", { ID: lease });
    }
  }

  /** `SIGTERM` ends calls politely, with GOAWAY; `SIGKILL` does not; resolves when it is gone. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.#hasEnded) return;
    this.freeze(false);
    this.#signal(signal);
    await eventually("etcd has ended", () => this.#hasEnded, 20_000);
  }

  /** Removes its data while it is not running. */
  forgetData(): void {
    rmSync(this.#plan.folder, { recursive: true, force: true, maxRetries: 10 });
  }

  /** Stops it where it is: connections stay open and nobody answers; `false` lets it go on. */
  freeze(frozen: boolean): void {
    this.#signal(frozen ? "SIGSTOP" : "SIGCONT");
  }

  /** Not with `child.kill`: after that Deno takes the child for dead, whatever the signal. */
  #signal(signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    const pid = this.#child?.pid;
    if (pid !== undefined && !this.#hasEnded) process.kill(pid, signal);
  }

  #arguments(): readonly string[] {
    const { name, folder, peerPort, initial, options } = this.#plan;
    const peers = `http://127.0.0.1:${peerPort}`;
    const tls = (file: string): string => join(ROOT, "tests/fixtures/tls", file);
    const { certificate } = options;
    return [
      `--name=${name}`,
      `--data-dir=${folder}`,
      `--listen-client-urls=${this.endpoint}`,
      `--advertise-client-urls=${this.endpoint}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=${initial}`,
      "--logger=zap",
      "--log-level=info",
      ...TIMING,
      ...(certificate === undefined ? [] : [
        `--cert-file=${tls(`${certificate}.pem`)}`,
        `--key-file=${tls(`${certificate}.key.pem`)}`,
      ]),
      ...(options.clientCertificates === true
        ? ["--client-cert-auth", `--trusted-ca-file=${tls("cluster_ca.pem")}`]
        : []),
    ];
  }
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => {
    return new Promise<Server>((resolve, reject) => {
      const server = createServer();
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => resolve(server));
    });
  }));
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
