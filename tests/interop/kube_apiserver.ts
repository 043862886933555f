/**
 * The Kubernetes API server, built of its own Go module and run on an etcd.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../tools/project.ts";
import { eventually } from "../eventually.ts";
import { buildGo, type GoBinary } from "./go_build.ts";
import { KubeClient } from "./kube_client.ts";

/** Who may do everything, by that bearer token. */
export const ADMIN_TOKEN = "only-for-tests";

/** Who may get, list and watch pods, by that bearer token. */
export const PEER_TOKEN = "of-peers";

/** Certificate of the server, and of a client who is then the user `node`. */
const CERTIFICATE = tls("node.pem");

/** Signs {@linkcode CERTIFICATE}. */
export const CA_FILE: string = tls("cluster_ca.pem");

/** Builds the server, or takes it from the cache. */
export function buildKubeApiserver(): Promise<GoBinary> {
  const main = "tests/interop/kube_apiserver";
  return buildGo({ main, sources: [main] });
}

/** One server process with RBAC on; its data are in the etcd. Disposal kills it. */
export class KubeApiserver implements AsyncDisposable {
  readonly port: number;
  readonly #program: string;
  readonly #etcd: string;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #hasEnded = true;

  private constructor(port: number, program: string, etcd: string, folder: string) {
    this.port = port;
    this.#program = program;
    this.#etcd = etcd;
    this.#folder = folder;
  }

  /** Starts one on the etcd at that URL; resolves when it is ready. */
  static async start(etcd: string): Promise<KubeApiserver> {
    const { path } = await buildKubeApiserver();
    const folder = mkdtempSync(join(tmpdir(), "althing-kubernetes-"));
    const server = new KubeApiserver(await freePort(), path, etcd, folder);
    try {
      server.#writeSecrets();
      await server.restart();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it after it was stopped, with these flags besides; resolves when it is ready. */
  async restart(flags: readonly string[] = []): Promise<void> {
    await this.stop();
    // A test process that is killed takes its server along.
    const words = ["--pdeathsig=KILL", this.#program, ...this.#flags(), ...flags];
    const child = spawn("setpriv", words, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    this.#hasEnded = false;
    child.once("exit", () => this.#hasEnded = true);
    const admin = new KubeClient(this.port, ADMIN_TOKEN);
    let said = "";
    child.stderr?.on("data", (chunk) => said = (said + String(chunk)).slice(-20_000));
    await eventually("the Kubernetes API server is ready", async () => {
      if (this.#hasEnded) throw new Error(`The Kubernetes API server has ended:\n${said}`);
      return await admin.text("GET", "/readyz").then(() => true, () => false);
    }, 120_000);
  }

  /** Kills it, as a machine that fails; resolves when it is gone. */
  async stop(): Promise<void> {
    // Not with `child.kill`: after that Deno takes the child for dead.
    if (!this.#hasEnded) process.kill(this.#child!.pid!, "SIGKILL");
    await eventually("the Kubernetes API server has ended", () => this.#hasEnded, 20_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }

  #flags(): readonly string[] {
    const file = (name: string): string => join(this.#folder, name);
    return [
      `--etcd-servers=${this.#etcd}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${this.port}`,
      `--tls-cert-file=${CERTIFICATE}`,
      `--tls-private-key-file=${tls("node.key.pem")}`,
      `--client-ca-file=${CA_FILE}`,
      `--token-auth-file=${file("tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${file("accounts.pem")}`,
      `--service-account-signing-key-file=${file("accounts.pem")}`,
      "--service-cluster-ip-range=10.96.0.0/24",
      "--endpoint-reconciler-type=none",
      // Pods here name no account, and nobody makes one.
      "--disable-admission-plugins=ServiceAccount",
      // Compacting is for the test to do.
      "--etcd-compaction-interval=0",
    ];
  }

  #writeSecrets(): void {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    writeFileSync(join(this.#folder, "accounts.pem"), pem, { mode: 0o600 });
    const tokens = `${ADMIN_TOKEN},admin,admin,"system:masters"\n${PEER_TOKEN},peer,peer\n`;
    writeFileSync(join(this.#folder, "tokens.csv"), tokens, { mode: 0o600 });
  }
}

function tls(name: string): string {
  return join(ROOT, "tests/fixtures/tls", name);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => resolve(port));
    });
  });
}
