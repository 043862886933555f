/**
 * DNS servers of Debian's packages `dnsmasq-base` and `bind9`, in folders of their own, on loopback. Neither needs the
 * service that a package may bring.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { eventually } from "../eventually.ts";
import { freePort } from "./free_port.ts";

const DNSMASQ = "/usr/sbin/dnsmasq";
const NAMED = "/usr/sbin/named";

/**
 * Why no server can be started here: text for a test's `skip` option, `false` when all is well.
 *
 * Throws when `CI` is `true`: there a missing server must not hide the tests.
 */
export function dnsSkipReason(): string | false {
  const missing = [DNSMASQ, NAMED].filter((path) => !existsSync(path));
  if (missing.length === 0) return false;
  const reason = `no ${missing.join(", ")}: install Debian's packages dnsmasq-base and bind9`;
  if (process.env["CI"] === "true") throw new Error(`Run the DNS tests in CI: ${reason}`);
  return reason;
}

/** A server process that can be stopped, frozen and started again at its port. */
abstract class DnsServer implements AsyncDisposable {
  readonly port: number;
  protected readonly folder: string;
  protected said = "";
  #child: ChildProcess | undefined;
  /** Children that have ended; Deno takes any signal that was sent for the last one. */
  readonly #ended: WeakSet<ChildProcess> = new WeakSet();

  constructor(port: number) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), "althing-dns-"));
  }

  /** `ip:port`, for the option `server`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Stops it, unless it has; its port takes nothing then. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    this.#signal(child, "SIGKILL");
    await eventually("the DNS server has ended", () => this.#ended.has(child));
  }

  /** Lets it take questions and answer none, until `thaw`. */
  freeze(): void {
    this.#signal(this.#child, "SIGSTOP");
  }

  /** See `freeze`. */
  thaw(): void {
    this.#signal(this.#child, "SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #signal(child: ChildProcess | undefined, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    if (child?.pid === undefined || this.#ended.has(child)) return;
    try {
      process.kill(child.pid, signal);
    } catch {
      // It has ended, which the event will tell.
    }
  }

  /** Runs a program until it says that it is ready. */
  protected async run(program: string, words: readonly string[], ready: string): Promise<void> {
    await this.stop();
    const said = this.said.length;
    // A test process that is killed takes its server along.
    const child = spawn("setpriv", ["--pdeathsig=KILL", program, ...words], {
      cwd: this.folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.once("exit", () => this.#ended.add(child));
    child.stderr?.on("data", (chunk) => this.said += String(chunk));
    this.#child = child;
    await eventually(`${program} is ready`, () => {
      if (this.#ended.has(child)) throw new Error(`${program} ended: ${this.said.slice(said)}`);
      return this.said.slice(said).includes(ready);
    }, 30_000);
  }
}

/** dnsmasq, whose whole content is its configuration. */
export class Dnsmasq extends DnsServer {
  /** Makes one that is not running yet. */
  static async make(): Promise<Dnsmasq> {
    return new Dnsmasq(await freePort());
  }

  /** Questions that came so far. */
  get asked(): number {
    return this.said.match(/ query\[/g)?.length ?? 0;
  }

  /** Starts it, or starts it anew, with these lines of configuration. */
  async serve(lines: readonly string[]): Promise<void> {
    const path = join(this.folder, "dnsmasq.conf");
    const base = [
      `port=${this.port}`,
      "listen-address=127.0.0.1",
      "bind-interfaces",
      "no-resolv",
      "no-hosts",
      "user=root",
      "pid-file=",
      "log-queries",
      "log-facility=-",
    ];
    writeFileSync(path, [...base, ...lines, ""].join("\n"));
    await this.run(DNSMASQ, ["--keep-in-foreground", `--conf-file=${path}`], "started, version");
  }
}

/** BIND, with authority for `test.`. */
export class Bind extends DnsServer {
  /** Makes one that is not running yet. */
  static async make(): Promise<Bind> {
    return new Bind(await freePort());
  }

  /** Starts it, or starts it anew, with these lines in the zone `test.`. */
  async serve(lines: readonly string[]): Promise<void> {
    const conf = join(this.folder, "named.conf");
    writeFileSync(
      conf,
      `
      options {
        directory "${this.folder}";
        listen-on { 127.0.0.1; };
        listen-on-v6 { none; };
        recursion no;
        dnssec-validation no;
        notify no;
        max-records-per-type 0;
        pid-file none;
        session-keyfile none;
      };
      controls { };
      zone "test." { type primary; file "test.zone"; };
      `,
    );
    writeFileSync(
      join(this.folder, "test.zone"),
      ["$TTL 9", "@ SOA ns root 1 60 60 60 1", "@ NS ns", "ns A 127.0.0.1", ...lines, ""].join(
        "\n",
      ),
    );
    const words = ["-g", "-n", "1", "-p", String(this.port), "-c", conf];
    await this.run(NAMED, words, "all zones loaded");
  }
}
