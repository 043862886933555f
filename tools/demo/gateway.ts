/**
 * One gateway node of the demo: an operating-system process and the status pages it serves.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import process from "node:process";
import { ROOT } from "../project.ts";
import { commandFor, type FoundRuntime } from "../runtimes.ts";

/** How one node is run. */
export interface GatewayPlan {
  readonly name: string;
  readonly runtime: FoundRuntime;
  readonly configPath: string;
  readonly logPath: string;
  readonly statusPort: number;
}

/** What a node says about the cluster. */
export interface GatewayView {
  readonly ready: boolean;
  readonly leader: string | null;
  readonly members: readonly {
    readonly node_id: string;
    readonly state: string;
    readonly healthy: boolean;
  }[];
  /** Replicated entities by type. */
  readonly entities: Readonly<Record<string, number>>;
}

/** A node that is started, killed and started again. */
export class Gateway {
  readonly plan: GatewayPlan;
  #process: ChildProcess | undefined;
  #exited: Promise<number | string> = Promise.resolve(0);

  /** Starts nothing yet. */
  constructor(plan: GatewayPlan) {
    this.plan = plan;
  }

  /** Operating-system id of the running process. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Where its status pages are. */
  get url(): string {
    return `http://127.0.0.1:${this.plan.statusPort}`;
  }

  /** Starts the process; its log goes to a file. */
  start(): void {
    const { runtime, configPath, logPath } = this.plan;
    const [program = "", ...args] = commandFor(runtime, "adapters/cli/main.ts", [
      "agent",
      "--config",
      configPath,
    ]);
    const log = createWriteStream(logPath, { flags: "a" });
    const child = spawn(program, args, {
      cwd: ROOT,
      env: process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    this.#process = child;
    this.#exited = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => {
        if (this.#process === child) this.#process = undefined;
        log.end();
        resolve(code ?? signal ?? "unknown");
      });
    });
  }

  /** Sends a signal and waits for the end; answers the exit code or the signal's name. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | string> {
    // Not child.kill: under Deno it makes the exit look like death by that signal.
    if (this.pid !== undefined) process.kill(this.pid, signal);
    return await this.#exited;
  }

  /** What the node says now; `undefined` when it does not answer. */
  async view(): Promise<GatewayView | undefined> {
    if (this.#process === undefined) return undefined;
    try {
      const [readiness, leaders, members, node] = await Promise.all([
        this.#page<{ ready: boolean }>("/ready"),
        this.#page<{ cluster: string | null }>("/cluster/leaders"),
        this.#page<GatewayView["members"]>("/cluster/members"),
        this.#page<{ entities: Record<string, number> }>("/cluster/node"),
      ]);
      return { ready: readiness.ready, leader: leaders.cluster, members, entities: node.entities };
    } catch {
      return undefined;
    }
  }

  /** Reads one entity; `undefined` when it is not there. */
  async entity(type: string, key: string): Promise<Record<string, unknown> | undefined> {
    const response = await fetch(this.#entityUrl(type, key), {
      signal: AbortSignal.timeout(2_000),
    });
    const body = await response.json() as Record<string, unknown>;
    return response.ok ? body : undefined;
  }

  /** Writes one entity. */
  async put(type: string, key: string, value: unknown): Promise<void> {
    const response = await fetch(this.#entityUrl(type, key), {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value),
      signal: AbortSignal.timeout(5_000),
    });
    const said = await response.text();
    if (!response.ok) throw new Error(`Cannot write ${type}/${key} at ${this.plan.name}: ${said}`);
  }

  #entityUrl(type: string, key: string): string {
    return `${this.url}/cluster/entities/${encodeURIComponent(type)}/${encodeURIComponent(key)}`;
  }

  async #page<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path, { signal: AbortSignal.timeout(2_000) });
    return await response.json() as T;
  }
}
