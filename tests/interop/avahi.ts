/**
 * Debian's Avahi on hosts of a test network: a daemon with a message bus of its own, and what its tools say.
 *
 * @module
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { eventually } from "../eventually.ts";
import { type NetworkHosts, networkSkipReason } from "./network_hosts.ts";

/** Why there can be no Avahi here: text for a test's `skip` option, `false` when all is well. Throws in CI. */
export function avahiSkipReason(): string | false {
  return networkSkipReason({
    "/usr/sbin/avahi-daemon": "avahi-daemon",
    "/usr/bin/avahi-browse": "avahi-utils",
    "/usr/bin/dbus-daemon": "dbus",
  });
}

/** What Avahi says of a service. */
export interface AvahiService {
  readonly family: string;
  readonly name: string;
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  readonly texts: readonly string[];
}

/** Where Avahi's tools find a daemon: they work in every network namespace, and so in programs of the tests. */
export class AvahiTools {
  readonly bus: string;

  /** `bus` is the address of the daemon's message bus. */
  constructor(bus: string) {
    this.bus = bus;
  }

  /** The services of a type that Avahi sees now. */
  async browse(type: string): Promise<readonly AvahiService[]> {
    const said = await this.#run("avahi-browse", ["-rptk", type]);
    return said.split("\n").filter((line) => line.startsWith("=")).map((line) => {
      const [, , family = "", name = "", , , host = "", ip = "", port, text = ""] = line.split(";");
      const texts = [...text.matchAll(/"([^"]*)"/g)].map((match) => match[1] as string);
      return { family, name: unescaped(name), host, ip, port: Number(port), texts };
    });
  }

  /** The types of service that Avahi sees. */
  async types(): Promise<readonly string[]> {
    const said = await this.#run("avahi-browse", ["-aptk"]);
    const found = said.split("\n").map((line) => line.split(";")[4]);
    return [...new Set(found.flatMap((type) => type === undefined ? [] : [type]))];
  }

  /** The address that Avahi finds for a host's name. */
  async resolve(host: string): Promise<string> {
    const said = await this.#run("avahi-resolve", ["-n", host]);
    return said.trim().split("\t")[1] ?? "";
  }

  /** Announces a service for as long as the process runs; resolves when Avahi has taken it. */
  async publish(
    name: string,
    type: string,
    port: number,
    ...texts: string[]
  ): Promise<ChildProcess> {
    return await this.#announcer(["-s", name, type, String(port), ...texts]);
  }

  async #announcer(words: readonly string[]): Promise<ChildProcess> {
    const child = spawn("setpriv", ["--pdeathsig=KILL", "avahi-publish", ...words], {
      env: this.#env(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk) => said += String(chunk));
    await eventually(`Avahi announces ${words.join(" ")} (${said})`, () => {
      return said.includes("Established");
    }, 20_000);
    return child;
  }

  async #run(program: string, words: readonly string[]): Promise<string> {
    const options = { env: this.#env(), timeout: 20_000 };
    return (await promisify(execFile)(program, words, options)).stdout;
  }

  #env(): Record<string, string | undefined> {
    return { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: this.bus, LC_ALL: "C.UTF-8" };
  }
}

/** A daemon on one host; disposal stops it and its bus. */
export class Avahi extends AvahiTools implements AsyncDisposable {
  readonly #folder: string;
  readonly #children: readonly ChildProcess[];

  private constructor(folder: string, bus: string, children: readonly ChildProcess[]) {
    super(bus);
    this.#folder = folder;
    this.#children = children;
  }

  /** Starts it; resolves when it has a name for its host. */
  static async start(network: NetworkHosts, host: string): Promise<Avahi> {
    const folder = mkdtempSync(join(tmpdir(), "althing-avahi-"));
    const socket = join(folder, "bus");
    const bus = `unix:path=${socket}`;
    const busFile = join(folder, "bus.conf");
    writeFileSync(busFile, busConfig(bus));
    const daemonFile = join(folder, "avahi.conf");
    writeFileSync(daemonFile, daemonConfig(host));
    const first = network.spawn(host, [
      "dbus-daemon",
      `--config-file=${busFile}`,
      "--nofork",
      "--nopidfile",
    ]);
    await eventually("the message bus is there", () => existsSync(socket), 20_000);
    // Its process file has one place on a machine: each daemon gets a folder of its own there.
    const start = 'mount -t tmpfs none /run && mkdir /run/avahi-daemon && exec avahi-daemon "$@"';
    const still = ["--no-drop-root", "--no-chroot", "--no-rlimits", "-f", daemonFile];
    const second = network.spawn(host, ["sh", "-c", start, "sh", ...still], {
      DBUS_SYSTEM_BUS_ADDRESS: bus,
    });
    const avahi = new Avahi(folder, bus, [second, first]);
    let said = "";
    second.stderr?.on("data", (chunk) => said += String(chunk));
    try {
      await eventually("Avahi has started", () => {
        if (second.exitCode !== null) throw new Error(`Avahi has ended: ${said}`);
        return said.includes("Server startup complete");
      }, 30_000);
      return avahi;
    } catch (error) {
      await avahi[Symbol.asyncDispose]();
      throw new Error(`Avahi did not start: ${said}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      child.kill("SIGTERM");
      await eventually("Avahi has ended", () => {
        return child.exitCode !== null || child.signalCode !== null;
      }, 20_000);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Avahi writes what is no letter as `\` and three decimal digits. */
function unescaped(name: string): string {
  return name.replace(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/\\(.)/g, "$1");
}

function busConfig(bus: string): string {
  return `<busconfig>
  <type>system</type>
  <listen>${bus}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
</busconfig>
`;
}

function daemonConfig(host: string): string {
  return `[server]
host-name=${host}
use-ipv4=yes
use-ipv6=yes
enable-dbus=yes
[publish]
publish-hinfo=no
publish-workstation=no
[wide-area]
enable-wide-area=no
`;
}
