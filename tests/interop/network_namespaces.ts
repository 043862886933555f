/**
 * "Hosts" on networks of their own: Linux network namespaces with veth pairs and bridges, made and deleted by a test.
 *
 * @module
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** A process in a namespace of its own, that a test killed would leave behind, ends with it. */
const WITH_PARENT = ["setpriv", "--pdeathsig=KILL"] as const;

let skipReason: string | false | undefined;

/**
 * Why no namespaces can be made here: text for a test's `skip` option, `false` when all is well.
 *
 * Throws when `CI` is `true`: there a missing right must not hide the tests.
 */
export function namespacesSkipReason(): string | false {
  skipReason ??= probe();
  if (skipReason !== false && process.env["CI"] === "true") {
    throw new Error(`Run the tests with network namespaces in CI: ${skipReason}`);
  }
  return skipReason;
}

function probe(): string | false {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const name = `althing-probe-${process.pid}`;
  try {
    ip("netns", "add", name);
    ip("netns", "delete", name);
    return false;
  } catch (error) {
    return `no network namespaces, install Debian's package iproute2: ${String(error)}`;
  }
}

/** Hosts and the networks between them; disposal ends their processes and deletes everything. */
export class Hosts implements AsyncDisposable {
  readonly #prefix = `althing-${process.pid}-${Math.floor(performance.now())}`;
  readonly #names: string[] = [];
  readonly #children: ChildProcess[] = [];
  #wires = 0;

  /** Makes `networks` bridges without hosts. */
  constructor(networks: number) {
    this.#add("hub");
    for (let i = 0; i < networks; i++) {
      ip("-n", this.#namespace("hub"), "link", "add", `net${i}`, "type", "bridge");
      ip("-n", this.#namespace("hub"), "link", "set", `net${i}`, "up");
    }
  }

  /** Adds a host: its address with prefix length in each network, by number. */
  add(name: string, addresses: Readonly<Record<number, string>>): void {
    this.#add(name);
    const namespace = this.#namespace(name);
    for (const [network, address] of Object.entries(addresses)) {
      const [device, port] = [`eth${network}`, `p${this.#wires++}`];
      const hub = this.#namespace("hub");
      ip("link", "add", device, "netns", namespace, "type", "veth", "peer", port, "netns", hub);
      ip("-n", hub, "link", "set", port, "master", `net${network}`, "up");
      ip("-n", namespace, "address", "add", address, "dev", device);
      ip("-n", namespace, "link", "set", device, "up");
    }
  }

  /** Plugs or unplugs a host's cable to a network, as its own side sees it. */
  plug(name: string, network: number, state: "up" | "down"): void {
    ip("-n", this.#namespace(name), "link", "set", `eth${network}`, state);
  }

  /** Runs the module beside this one, called `module` without its extension, on a host; its output is piped. */
  run(name: string, module: string, ...words: readonly string[]): ChildProcess {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const path = fileURLToPath(new URL(`./${module}.${extension}`, import.meta.url));
    const isDeno = (globalThis as { readonly Deno?: unknown }).Deno !== undefined;
    const runtime = [process.execPath, ...(isDeno ? ["run", "-A", "--unstable-net"] : [])];
    const command = [
      ...WITH_PARENT,
      ...["ip", "netns", "exec", this.#namespace(name)],
      ...[...runtime, path, ...words],
    ];
    const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
    this.#children.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map(ended));
    for (const name of this.#names) ip("netns", "delete", this.#namespace(name));
  }

  #add(name: string): void {
    ip("netns", "add", this.#namespace(name));
    this.#names.push(name);
    ip("-n", this.#namespace(name), "link", "set", "lo", "up");
  }

  #namespace(name: string): string {
    return `${this.#prefix}-${name}`;
  }
}

/** Ends a process, unless it has ended. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

function ip(...words: readonly string[]): void {
  const path = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].find(existsSync) ?? "ip";
  execFileSync(path, words, { stdio: ["ignore", "ignore", "pipe"] });
}
