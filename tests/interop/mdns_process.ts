/**
 * A node of `mdns_node.ts` on a host of a test network.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import type { Candidate } from "../../mod.ts";
import { commandFor, type FoundRuntime } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";
import type { NetworkHosts } from "./network_hosts.ts";

/** What a node has told, a line each. */
export type Told = Readonly<Record<string, unknown>>;

/** Where and what a node is. */
export interface MdnsNodePlan {
  readonly runtime: FoundRuntime;
  readonly host: string;
  readonly service: string;
  readonly nodeId: string;
  readonly ip: string;
  readonly port: number;
}

/** A running node; disposal kills it, and it says goodbye to nobody. */
export class MdnsProcess implements AsyncDisposable {
  readonly told: Told[] = [];
  readonly #child: ChildProcess;
  #errors = "";

  /** Starts it; it browses at once, and announces itself when told to. */
  constructor(network: NetworkHosts, plan: MdnsNodePlan) {
    const { runtime, host, service, nodeId, ip, port } = plan;
    const words = [service, nodeId, ip, String(port)];
    this.#child = network.spawn(host, commandFor(runtime, "tests/interop/mdns_node.ts", words), {
      NO_COLOR: "1",
    });
    let rest = "";
    this.#child.stdout?.on("data", (chunk) => {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.told.push(JSON.parse(line) as Told);
    });
    this.#child.stderr?.on("data", (chunk) => this.#errors += String(chunk));
  }

  /** Starts it and announces it; resolves when others can know its name. */
  static async announced(network: NetworkHosts, plan: MdnsNodePlan): Promise<MdnsProcess> {
    const node = new MdnsProcess(network, plan);
    await node.does("announce", "announced");
    return node;
  }

  /** Gives an order and waits until the node has told `done`. */
  async does(order: string, done: string): Promise<Told> {
    const from = this.told.length;
    this.#child.stdin?.write(`${order}\n`);
    return await this.tells((told) => told[done] !== undefined, done, from);
  }

  /** Waits for a line that suits. */
  async tells(suits: (told: Told) => boolean, claim: string, from = 0): Promise<Told> {
    return await eventually(`a node tells ${claim}`, () => {
      if (this.#child.exitCode !== null) throw new Error(`the node has ended: ${this.#errors}`);
      return this.told.slice(from).find(suits);
    }, 30_000).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.told)} ${this.#errors}`);
    });
  }

  /** Waits for a list that suits; answers what was told with it. */
  async finds(suits: (found: readonly Candidate[]) => boolean, from = 0): Promise<Told> {
    return await this.tells(
      ({ found }) => found !== undefined && suits(found as readonly Candidate[]),
      "whom it looks for",
      from,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await eventually("the node has ended", () => {
      return this.#child.exitCode !== null || this.#child.signalCode !== null;
    }, 20_000);
  }
}

/** The program `mdns_suite.ts` on the host `one`. */
export class SuiteProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #came = new Map<string, string | undefined>();
  #errors = "";

  /** Starts all cases; `words` are the program's. */
  constructor(network: NetworkHosts, runtime: FoundRuntime, ...words: readonly string[]) {
    const command = commandFor(runtime, "tests/interop/mdns_suite.ts", words);
    this.#child = network.spawn("one", command, { NO_COLOR: "1", ALTHING_MDNS_SUITE: "run" });
    let rest = "";
    this.#child.stdout?.on("data", (chunk) => {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { claim, error } = JSON.parse(line) as { claim: string; error?: string };
        this.#came.set(claim, error);
      }
    });
    this.#child.stderr?.on("data", (chunk) => this.#errors += String(chunk));
  }

  /** Waits for a case; rejects with what it rejected with. */
  async came(claim: string): Promise<void> {
    await eventually(`the case has run that it ${claim}`, () => {
      if (this.#came.has(claim)) return true;
      if (this.#child.exitCode !== null) throw new Error(`the suite has ended: ${this.#errors}`);
      return false;
    }, 55_000);
    const error = this.#came.get(claim);
    if (error !== undefined) throw new Error(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await eventually("the suite has ended", () => {
      return this.#child.exitCode !== null || this.#child.signalCode !== null;
    }, 20_000);
  }
}
