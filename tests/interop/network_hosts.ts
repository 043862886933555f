/**
 * Hosts of a network of their own: network namespaces on one bridge, where multicast and broadcast reach nobody else.
 *
 * @module
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";

/** One host: its name, and its addresses with their prefix lengths, such as `10.77.0.1/24`. */
export interface HostPlan {
  readonly name: string;
  readonly addresses: readonly string[];
}

const PREFIX = "althing";

/**
 * Why there can be no such network here: text for a test's `skip` option, `false` when all is well.
 *
 * Throws when `CI` is `true`: there it must not hide the tests. `programs` are the paths of what else the tests need.
 */
export function networkSkipReason(programs: Readonly<Record<string, string>> = {}): string | false {
  const reason = missing(programs);
  if (reason !== false && process.env["CI"] === "true") {
    throw new Error(`Run the tests of networks in CI: ${reason}`);
  }
  return reason;
}

function missing(programs: Readonly<Record<string, string>>): string | false {
  if (process.platform !== "linux") return "no network namespaces: run on Linux";
  if (process.getuid?.() !== 0) return "no right to make network namespaces: run as root";
  for (const [path, name] of Object.entries({ "/usr/sbin/ip": "iproute2", ...programs })) {
    if (!existsSync(path)) return `no ${path}: install Debian's package ${name}`;
  }
  try {
    execFileSync("unshare", ["--net", "--mount", "true"], { stdio: "ignore" });
    return false;
  } catch {
    return "the system refuses network namespaces: run where root may make them";
  }
}

/** Hosts on one bridge; disposal kills what was started in them and removes everything. */
export class NetworkHosts implements AsyncDisposable {
  readonly #names: readonly string[];
  readonly #children = new Set<ChildProcess>();

  private constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Makes the network. All its interfaces are called `eth0`, and have IPv6 link-local addresses as well. */
  static create(hosts: readonly HostPlan[]): NetworkHosts {
    removeLeftovers();
    const network = new NetworkHosts(["switch", ...hosts.map(({ name }) => name)].map(namespace));
    try {
      network.#build(hosts);
      return network;
    } catch (error) {
      network.#remove();
      throw error;
    }
  }

  /** Starts a program on a host; it dies with this process. Standard streams are pipes. */
  spawn(
    host: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): ChildProcess {
    const words = ["netns", "exec", namespace(host), "setpriv", "--pdeathsig=KILL", ...command];
    const child = spawn("ip", words, {
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  /** Runs a program on a host to its end; answers what it wrote. */
  run(host: string, command: readonly string[]): string {
    return execFileSync("ip", ["netns", "exec", namespace(host), ...command], { encoding: "utf8" });
  }

  /** Pulls a host's cable, or puts it back. */
  plug(host: string, isIn: boolean): void {
    ip("-n", namespace("switch"), "link", "set", host, isIn ? "up" : "down");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = [...this.#children].map((child) =>
      new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      })
    );
    await Promise.all(gone);
    this.#remove();
  }

  #build(hosts: readonly HostPlan[]): void {
    const [bridge = "", ...spaces] = this.#names;
    for (const each of this.#names) ip("netns", "add", each);
    ip("-n", bridge, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
    ip("-n", bridge, "link", "set", "br0", "up");
    spaces.forEach((space, i) => {
      const { name, addresses } = hosts[i]!;
      ip("-n", bridge, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", space);
      ip("-n", bridge, "link", "set", name, "master", "br0", "up");
      // Whether an address is taken need not be found out here, and would take seconds.
      const still = "net.ipv6.conf.eth0.accept_dad=0";
      execFileSync("ip", ["netns", "exec", space, "sysctl", "-qw", still], { stdio: "ignore" });
      for (const address of addresses) {
        const nodad = address.includes(":") ? ["nodad"] : [];
        ip("-n", space, "address", "add", address, "dev", "eth0", ...nodad);
      }
      ip("-n", space, "link", "set", "lo", "up");
      ip("-n", space, "link", "set", "eth0", "up");
    });
  }

  #remove(): void {
    for (const each of this.#names) tryRemove(each);
  }
}

/** The name of a host's namespace; this process's own. */
function namespace(host: string): string {
  return `${PREFIX}-${process.pid}-${host}`;
}

/** Removes the namespaces of test processes that were killed. */
function removeLeftovers(): void {
  const all = execFileSync("ip", ["netns", "list"], { encoding: "utf8" });
  for (const [name, pid] of all.matchAll(new RegExp(`^${PREFIX}-(\\d+)-\\w+`, "gm"))) {
    if (!existsSync(`/proc/${pid}`)) tryRemove(name);
  }
}

function tryRemove(name: string): void {
  try {
    execFileSync("ip", ["netns", "delete", name], { stdio: "ignore" });
  } catch {
    // It was never made, or is gone already.
  }
}

function ip(...words: readonly string[]): void {
  execFileSync("ip", [...words], { encoding: "utf8" });
}
