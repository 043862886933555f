/**
 * Hosts in network namespaces of their own, joined by a bridge; needs root and the commands `ip` and `iptables`.
 *
 * @module
 */

import { execFile, execFileSync, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { ROOT } from "../../tools/project.ts";
import { commandFor, findRuntime } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";

/** Why there can be no namespaces here; `false` when there can. Throws in CI, where nothing may hide the tests. */
export function namespacesSkipReason(): string | false {
  const name = `althing-${process.pid}-try`;
  try {
    ip("netns", "add", name);
    try {
      ip("netns", "exec", name, "iptables", "-S");
    } finally {
      ip("netns", "del", name);
    }
    return false;
  } catch (error) {
    const reason = `no network namespaces: ${String(error).split("\n").slice(0, 2).join(" ")}`;
    if (process.env["CI"] === "true") throw new Error(`Run the fault tests in CI: ${reason}`);
    return reason;
  }
}

/** A network of hosts `10.77.0.1`, `10.77.0.2` and so on; disposal removes it. */
export class Namespaces implements AsyncDisposable {
  readonly hosts: readonly Host[];
  readonly #switch: string;
  #line: () => Promise<void> = () => Promise.resolve();

  private constructor(name: string, hosts: readonly Host[]) {
    this.#switch = name;
    this.hosts = hosts;
  }

  /** Makes a bridge and `count` hosts on it. */
  static make(count: number): Namespaces {
    const prefix = `althing-${process.pid}`;
    const bridge = `${prefix}-sw`;
    ip("netns", "add", bridge);
    ip("-n", bridge, "link", "add", "br0", "type", "bridge");
    ip("-n", bridge, "link", "set", "br0", "up");
    const hosts: Host[] = [];
    const made = new Namespaces(bridge, hosts);
    for (let i = 1; i <= count; i++) {
      const name = `${prefix}-h${i}`;
      ip("netns", "add", name);
      hosts.push(new Host(name, `10.77.0.${i}`));
      ip(
        "-n",
        bridge,
        "link",
        "add",
        `v${i}`,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        name,
      );
      ip("-n", bridge, "link", "set", `v${i}`, "master", "br0", "up");
      ip("-n", name, "addr", "add", `10.77.0.${i}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "eth0", "up");
      ip("-n", name, "link", "set", "lo", "up");
    }
    return made;
  }

  /** Puts the last host behind a line of that delay, each way; resolves when packets pass. */
  async delay(program: string, delayMs: number): Promise<void> {
    const host = this.hosts.at(-1) as Host;
    const [bridge, near] = [this.#switch, host.name];
    const child = spawn(program, [near, "far0", bridge, "near0", `${delayMs}`], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    this.#line = async () => {
      child.stdin.end();
      await ended;
    };
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("close", () => reject(new Error("the delay line did not start")));
    });
    ip("-n", near, "addr", "flush", "dev", "eth0");
    ip("-n", near, "addr", "add", `${host.ip}/32`, "dev", "far0");
    ip("-n", near, "link", "set", "far0", "up");
    ip("-n", near, "route", "add", "10.77.0.0/24", "dev", "far0", "src", host.ip);
    ip("-n", bridge, "addr", "add", "10.77.0.254/24", "dev", "br0");
    ip("-n", bridge, "link", "set", "near0", "up");
    ip("-n", bridge, "route", "add", `${host.ip}/32`, "dev", "near0");
    ip("netns", "exec", bridge, "sysctl", "-qw", "net.ipv4.ip_forward=1");
    ip("netns", "exec", bridge, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0");
    for (const other of this.hosts.slice(0, -1)) {
      ip("-n", other.name, "route", "add", `${host.ip}/32`, "via", "10.77.0.254");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()));
    await this.#line();
    for (const { name } of this.hosts) ip("netns", "del", name);
    ip("netns", "del", this.#switch);
  }
}

/** A process on a host that reads pages. */
interface Reader {
  readonly lines: AsyncIterator<string>;
  readonly write: (line: string) => void;
  readonly end: () => Promise<void>;
}

/** One host and what runs on it. */
export class Host {
  readonly name: string;
  readonly ip: string;
  /** What its agent has printed. */
  output = "";
  #reader: Reader | undefined;
  #stop: () => Promise<void> = () => Promise.resolve();

  /** A namespace that is there. */
  constructor(name: string, address: string) {
    this.name = name;
    this.ip = address;
  }

  /** Adds a rule; `undo` takes all rules away. */
  rule(...words: readonly string[]): void {
    ip("netns", "exec", this.name, "iptables", "-w", "-A", ...words);
  }

  /** Takes all rules away. */
  undo(): void {
    ip("netns", "exec", this.name, "iptables", "-w", "-F");
  }

  /** Starts an agent with this config file and waits for its pages. */
  async start(configPath: string): Promise<void> {
    const [program, ...args] = this.#run("adapters/cli/main.ts", ["agent", "--config", configPath]);
    const child = spawn(program as string, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let hasEnded = false;
    const ended = new Promise<void>((resolve) => {
      child.once("close", () => {
        hasEnded = true;
        resolve();
      });
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => this.output += text);
    }
    const kill = (): void => {
      if (!hasEnded && child.pid !== undefined) process.kill(child.pid, "SIGKILL");
    };
    process.once("exit", kill);
    this.#stop = async () => {
      kill();
      await ended;
      process.off("exit", kill);
    };
    await eventually(`${this.ip} serves its pages`, () => {
      if (hasEnded) throw new Error(`It ended and printed:\n${this.output}`);
      return this.output.includes("status at http://");
    }, 40_000);
  }

  /** Ends its agent. */
  async stop(): Promise<void> {
    await this.#reader?.end();
    await this.#stop();
  }

  /** What `althing` prints here, with the JSON it was asked for. */
  async ask<T>(...words: readonly string[]): Promise<T> {
    const [program, ...args] = this.#run("adapters/cli/main.ts", [...words, "--json"]);
    const text = await new Promise<string>((resolve) => {
      execFile(program as string, args, { cwd: ROOT }, (_error, stdout) => resolve(stdout));
    });
    return JSON.parse(text) as T;
  }

  /** A page of its agent; `undefined` when it can't be read. */
  async page<T>(path: string): Promise<T | undefined> {
    this.#reader ??= this.#startReader();
    const { lines, write } = this.#reader;
    write(`http://127.0.0.1:8080${path}`);
    const { value } = await lines.next();
    return value === undefined || value === "null" ? undefined : JSON.parse(value as string) as T;
  }

  #startReader(): Reader {
    const [program, ...args] = this.#run("tests/interop/page_reader.ts", []);
    const child = spawn(program as string, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    return {
      lines,
      write: (line) => child.stdin.write(`${line}\n`),
      end: async () => {
        child.stdin.end();
        await ended;
      },
    };
  }

  #run(file: string, words: readonly string[]): readonly string[] {
    const runtime = findRuntime("deno");
    if (runtime === undefined) throw new Error("Cannot start an agent: there is no Deno");
    return [
      "ip",
      "netns",
      "exec",
      this.name,
      ...commandFor(runtime, file, words),
    ];
  }
}

function ip(...words: readonly string[]): void {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
}
