/**
 * Runs other programs for the tools: output kept in order, a deadline, and no process left behind.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { ROOT } from "./project.ts";

/** How to run a program. */
export interface RunOptions {
  /** Working folder; the project's root when left out. */
  readonly cwd?: string;
  /** Variables added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** After this long the program and its children are killed; 20 minutes when left out. */
  readonly timeoutMs?: number;
  /** Lets the program write to this terminal as it goes, besides keeping what it wrote. */
  readonly stream?: boolean;
}

/** What a program did. */
export interface RunResult {
  /** Exit code; 124 after the deadline, 127 when it could not be started, 128 after a signal. */
  readonly code: number;
  readonly stdout: string;
  /** Both streams, in the order they arrived. */
  readonly output: string;
  readonly seconds: number;
}

const running = new Set<ChildProcess>();
let forwarding = false;

/** Runs `command` (a program and its arguments) to its end. Never rejects: look at `code`. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  forwardSignals();
  const [program = "", ...args] = command;
  const { cwd = ROOT, env = {}, timeoutMs = 20 * 60_000, stream = false } = options;
  const started = performance.now();
  return new Promise((resolve) => {
    let stdout = "";
    let output = "";
    let timedOut = false;
    const end = (code: number, note = ""): void => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code, stdout, output: output + note, seconds: secondsSince(started) });
    };
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32", // its own group, so that its children go with it
    });
    running.add(child);
    const timer = setTimeout(() => {
      timedOut = true;
      kill(child, "SIGKILL");
    }, timeoutMs);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      output += text;
      if (stream) process.stdout.write(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (stream) process.stderr.write(text);
    });
    child.on(
      "error",
      (error) => end(127, `Cannot run ${JSON.stringify(program)}: ${error.message}\n`),
    );
    child.on("close", (code) => {
      if (timedOut) end(124, `\nKilled after ${timeoutMs / 1000} s without an end\n`);
      else end(code ?? 128);
    });
  });
}

/** Seconds since a `performance.now()` reading, to a tenth. */
export function secondsSince(started: number): number {
  return Math.round((performance.now() - started) / 100) / 10;
}

/** Runs the jobs, at most `atOnce` at a time, and answers in their order. */
export async function pooled<T>(jobs: readonly (() => Promise<T>)[], atOnce: number): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < jobs.length; i = next++) results[i] = await jobs[i]!();
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, jobs.length) }, worker));
  return results;
}

function kill(child: ChildProcess, signal: "SIGKILL" | "SIGTERM" | "SIGINT"): void {
  try {
    if (child.pid !== undefined && process.platform !== "win32") process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // Ended in the meantime.
  }
}

/** Groups of their own do not hear the terminal's Ctrl-C: pass it on, then leave. */
function forwardSignals(): void {
  if (forwarding) return;
  forwarding = true;
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    process.on(signal, () => {
      for (const child of running) kill(child, signal);
      process.exit(code);
    });
  }
}
