/**
 * Other processes that a case needs, on the runtime that it runs on itself.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { ROOT } from "../tools/project.ts";
import { commandFor, findRuntime, type RuntimeName } from "../tools/runtimes.ts";
import { eventually } from "../tests/eventually.ts";

/** What a helper says, one JSON object per line. */
export interface HelperLine {
  readonly said: string;
  readonly atMs: number;
  readonly delays?: readonly number[];
  readonly gossip?: string;
  readonly admitted?: number;
}

/** A running program of this project. Disposal kills it. */
export class Helper implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: HelperLine[] = [];
  readonly #exited: Promise<void>;
  #ended: string | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      if (line.startsWith('{"said"')) this.#lines.push(JSON.parse(line) as HelperLine);
    });
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#ended = `${code ?? signal}`;
        resolve();
      });
    });
  }

  /** Starts a file of this project, named from its root, with arguments. */
  static async start(file: string, args: readonly string[] = []): Promise<Helper> {
    const runtime = findRuntime(ownRuntime());
    if (runtime === undefined) throw new Error(`Cannot start ${file}: the runtime is not found`);
    const [program = "", ...rest] = commandFor(runtime, file, args);
    const child = spawn(program, rest, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    return new Helper(child);
  }

  /** The process id. */
  get pid(): number {
    return this.#child.pid as number;
  }

  /** Waits for a line that says this. */
  async line(said: string, withinMs = 120_000): Promise<HelperLine> {
    return await eventually(`the helper says "${said}"`, () => {
      if (this.#ended !== undefined) throw new Error(`The helper ended with ${this.#ended}`);
      return this.#lines.find((line) => line.said === said);
    }, withinMs);
  }

  /** SIGKILL; resolves when the process is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) process.kill(this.pid, "SIGKILL");
    await this.#exited;
  }
}

/** Which runtime this process is. */
export function ownRuntime(): RuntimeName {
  const globals = globalThis as { readonly Deno?: unknown; readonly Bun?: unknown };
  return globals.Deno !== undefined ? "deno" : globals.Bun !== undefined ? "bun" : "node";
}
