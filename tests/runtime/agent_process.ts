/**
 * The command `althing` as an operating-system process on any runtime.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { ROOT } from "../../tools/project.ts";
import { commandFor, type FoundRuntime } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";

/** What a test may wait for on a machine that is busy with other tests. */
const PATIENCE_MS = 40_000;

/** How an `althing` command ended. */
export interface Ended {
  /** The exit code, or the signal's name. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A row of `/cluster/members`, as far as tests look at it. */
export interface MemberRow {
  readonly node_id: string;
  readonly state: string;
  readonly healthy: boolean;
  readonly reason?: string;
}

const running = new Set<number>();
process.once("exit", () => {
  for (const pid of running) kill(pid, "SIGKILL");
});

/** A running `althing`; disposal kills it. */
export class AlthingProcess implements AsyncDisposable {
  /** Both streams so far, in order of arrival. */
  output = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;

  /** Starts `althing` with these words; `env` is added to ours. */
  constructor(
    runtime: FoundRuntime,
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    const [program = "", ...args] = commandFor(runtime, "adapters/cli/main.ts", words);
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    if (child.pid !== undefined) running.add(child.pid);
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        said[stream] += text;
        this.output += text;
      });
    }
    this.#ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        if (child.pid !== undefined) running.delete(child.pid);
        resolve({ code: code ?? signal ?? "unknown", ...said });
      });
    });
  }

  /** Closes our end of its standard output, as a log reader does that dies. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  /** How it ended; rejects when it goes on for too long. */
  async ended(withinMs = PATIENCE_MS): Promise<Ended> {
    let ended: Ended | undefined;
    void this.#ended.then((end) => ended = end);
    return await eventually("the process ends", () => ended, withinMs);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<Ended> {
    // Not child.kill: under Deno it makes the exit look like death by that signal.
    if (this.#child.pid !== undefined && running.has(this.#child.pid)) {
      kill(this.#child.pid, signal);
    }
    return await this.ended();
  }

  /** The first line it printed that matches; rejects when it ends without. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    let hasEnded = false;
    void this.#ended.then(() => hasEnded = true);
    return await eventually(`it prints ${pattern}`, () => {
      const match = pattern.exec(this.output);
      if (match === null && hasEnded) throw new Error(`It ended and printed:\n${this.output}`);
      return match;
    }, PATIENCE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}

/** Runs `althing` with these words to its end. */
export async function althing(
  runtime: FoundRuntime,
  ...words: readonly string[]
): Promise<Ended> {
  await using command = new AlthingProcess(runtime, words);
  return await command.ended();
}

/** One `althing agent` that is started, ended and started again. */
export class Agent implements AsyncDisposable {
  readonly nodeId: string;
  readonly runtime: FoundRuntime;
  readonly #configPath: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #adminToken: string | undefined;
  #process: AlthingProcess | undefined;
  /** `host:port` of its status pages. */
  #status = "";
  #earlierOutput = "";

  /** Starts nothing yet. */
  constructor(options: {
    readonly nodeId: string;
    readonly runtime: FoundRuntime;
    readonly configPath: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly adminToken?: string;
  }) {
    this.nodeId = options.nodeId;
    this.runtime = options.runtime;
    this.#configPath = options.configPath;
    this.#env = options.env ?? {};
    this.#adminToken = options.adminToken;
  }

  /** Where its status pages are. */
  get statusAddress(): string {
    return this.#status;
  }

  /** Everything it has printed, over all its lives. */
  get output(): string {
    return this.#earlierOutput + (this.#process?.output ?? "");
  }

  /** Starts the process and waits until its pages are there. */
  async start(): Promise<void> {
    this.#earlierOutput = this.output;
    const words = ["agent", "--config", this.#configPath, "--log-level", "debug"];
    this.#process = new AlthingProcess(this.runtime, words, this.#env);
    const [, address = ""] = await this.#process.line(/status at http:\/\/(\S+)\/cluster\/status/);
    this.#status = address;
  }

  /** Sends a signal and waits for the end. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<Ended> {
    if (this.#process === undefined) throw new Error(`${this.nodeId} does not run`);
    return await this.#process.end(signal);
  }

  /** One page; `undefined` when the node does not answer. */
  async page(path: string, init: RequestInit = {}): Promise<Response | undefined> {
    const headers = new Headers(init.headers);
    if (this.#adminToken !== undefined) headers.set("authorization", `Bearer ${this.#adminToken}`);
    try {
      return await fetch(`http://${this.#status}${path}`, {
        ...init,
        headers,
        signal: AbortSignal.timeout(5_000),
      });
    } catch {
      return undefined;
    }
  }

  /** Who it sees. */
  async members(): Promise<readonly MemberRow[]> {
    return await (await this.page("/cluster/members"))?.json() as MemberRow[] ?? [];
  }

  /** Writes an entity. */
  async put(type: string, key: string, value: unknown): Promise<void> {
    const response = await this.page(`/cluster/entities/${type}/${key}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value),
    });
    const said = await response?.text();
    if (response?.ok !== true) throw new Error(`Cannot write at ${this.nodeId}: ${said}`);
  }

  /** Waits until it holds that value. */
  async holds(type: string, key: string, value: unknown): Promise<void> {
    const wanted = JSON.stringify(value);
    await eventually(`${this.nodeId} holds ${type}/${key} as ${wanted}`, async () => {
      const response = await this.page(`/cluster/entities/${type}/${key}`);
      const text = await response?.text();
      return response?.ok === true && text === wanted;
    }, PATIENCE_MS);
  }

  /** Waits until it is ready and sees exactly these members alive and healthy. */
  async seesHealthy(nodeIds: readonly string[]): Promise<void> {
    let rows: readonly MemberRow[] = [];
    try {
      await eventually(`${this.nodeId} sees ${nodeIds}`, async () => {
        rows = await this.members();
        const alive = rows.filter(({ state, healthy }) => state === "alive" && healthy);
        const ready = await this.page("/ready");
        await ready?.body?.cancel();
        return ready?.status === 200 &&
          alive.map(({ node_id }) => node_id).sort().join() === [...nodeIds].sort().join();
      }, PATIENCE_MS);
    } catch (cause) {
      throw new Error(`${JSON.stringify(rows)}\n${this.output}`, { cause });
    }
  }

  /** Waits until it shows a member in that state. */
  async shows(nodeId: string, state: string): Promise<void> {
    await eventually(
      `${this.nodeId} shows ${nodeId} ${state}`,
      async () =>
        (await this.members()).some((row) => row.node_id === nodeId && row.state === state),
      PATIENCE_MS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }
}

function kill(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended in the meantime.
  }
}
