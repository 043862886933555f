/**
 * A PostgreSQL server of Debian's package `postgresql`, in a folder of its own, on loopback.
 *
 * @module
 */

import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import postgres from "postgres";
import { ROOT } from "../../tools/project.ts";
import { eventually } from "../eventually.ts";

/** Who may do everything there, and with what. */
export const ADMIN = { user: "althing", password: "only for tests" } as const;

/** Where Debian keeps the programs of each version. */
const VERSIONS = "/usr/lib/postgresql";

/**
 * Why no server can be started here: text for a test's `skip` option, `false` when all is well.
 *
 * Throws when `CI` is `true`: there a missing server must not hide the tests.
 */
export function postgresSkipReason(): string | false {
  if (programs() !== undefined) return false;
  const reason = "no PostgreSQL server: install Debian's package postgresql";
  if (process.env["CI"] === "true") throw new Error(`Run the PostgreSQL tests in CI: ${reason}`);
  return reason;
}

/** The folder of the newest version's programs. */
function programs(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  return readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))
    .map((version) => join(VERSIONS, version, "bin"))
    .find((folder) => existsSync(join(folder, "initdb")));
}

/** A server and its data; disposal stops it and removes everything. */
export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  /** Makes an empty database `althing` in UTF-8 and starts the server, with TLS. */
  static async start(): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), "althing-postgres-"));
    const server = new PostgresServer(await freePort(), folder);
    try {
      await server.#initialize();
      await server.restart();
      await server.admin("postgres", (sql) => sql.unsafe("CREATE DATABASE althing"));
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts the server after it was killed or stopped; resolves when it takes connections. */
  async restart(changes: Readonly<Record<string, string>> = {}): Promise<void> {
    await eventually("the server starts", async () => {
      const child = this.#spawn(changes);
      let said = "";
      child.stderr?.on("data", (chunk) => said += String(chunk));
      await eventually("the server says something final", () => {
        return said.includes("ready to accept connections") || child.exitCode !== null;
      }, 30_000);
      // After SIGKILL the children of the last one may need a moment to go.
      if (child.exitCode !== null) return false;
      this.#child = child;
      return true;
    }, 30_000);
  }

  /** Kills the server as the kernel does when memory is short; its children follow by themselves. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends connections and stops. */
  async stop(): Promise<void> {
    await this.#end("SIGINT");
  }

  /** Makes it read its settings and certificates again. */
  async reload(): Promise<void> {
    await this.admin("postgres", (sql) => sql.unsafe("SELECT pg_reload_conf()"));
  }

  /** Puts a certificate of `tests/fixtures/tls` in place; in effect after `reload`. */
  useCertificate(name: string): void {
    for (const [from, to] of [[`${name}.pem`, "server.crt"], [`${name}.key.pem`, "server.key"]]) {
      const path = join(this.#data, to!);
      copyFileSync(join(ROOT, "tests/fixtures/tls", from!), path);
      this.#own(path, 0o600);
    }
  }

  /** Does something as the administrator. */
  async admin<T>(database: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const { user, password } = ADMIN;
    const { port } = this;
    const sql = postgres({
      host: "127.0.0.1",
      port,
      user,
      password,
      database,
      max: 1,
      onnotice: () => {},
    });
    try {
      return await work(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await eventually("the server's files are gone", () => {
      rmSync(this.#folder, { recursive: true, force: true });
      return !existsSync(this.#folder);
    });
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  async #initialize(): Promise<void> {
    this.#own(this.#folder, 0o700);
    mkdirSync(this.#data);
    this.#own(this.#data, 0o700);
    const passwords = join(this.#folder, "password");
    writeFileSync(passwords, ADMIN.password);
    this.#own(passwords, 0o600);
    const [program, ...words] = asServer([
      join(programs()!, "initdb"),
      "--no-sync",
      "--encoding=UTF8",
      "--locale=C",
      "--auth=scram-sha-256",
      `--username=${ADMIN.user}`,
      `--pwfile=${passwords}`,
      this.#data,
    ]);
    await promisify(execFile)(program!, words, { cwd: this.#folder });
    this.useCertificate("node");
  }

  #spawn(changes: Readonly<Record<string, string>>): ChildProcess {
    const settings = {
      port: this.port,
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      // What is lost with the machine's power is not tested here.
      fsync: "off",
      shared_buffers: "16MB",
      ssl: "on",
      // Killed servers leave it behind, and containers have little of it.
      dynamic_shared_memory_type: "mmap",
      ...changes,
    };
    const [program, ...words] = asServer([
      join(programs()!, "postgres"),
      "-D",
      this.#data,
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ]);
    return spawn(program!, words, { cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] });
  }

  async #end(signal: "SIGINT" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await eventually("the server has ended", () => {
      return child.exitCode !== null || child.signalCode !== null;
    }, 20_000);
  }

  #own(path: string, mode: number): void {
    chmodSync(path, mode);
    if (isRoot()) chownSync(path, idOf("-u"), idOf("-g"));
  }
}

/** PostgreSQL does not run as root: then its own user runs it. The process started is the server itself. */
function asServer(command: readonly string[]): readonly string[] {
  if (!isRoot()) return command;
  const user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"];
  // A test process that is killed takes its server along.
  return ["setpriv", ...user, "--pdeathsig=QUIT", ...command];
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function idOf(which: "-u" | "-g"): number {
  return Number(execFileSync("id", [which, "postgres"], { encoding: "utf8" }));
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
