/**
 * Programs of this project as processes on any runtime.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { commandFor, type FoundRuntime } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";

/** How a program ended: `lives` for exit code 0. */
export type Outcome = "lives" | "dies";

/** A running program; disposal kills it. */
export interface Program extends AsyncDisposable {
  /** The first line it prints that matches. */
  line(pattern: RegExp): Promise<string>;
  /** How it ended, once it has. */
  death(): Promise<Outcome>;
}

/** Starts `file`, a TypeScript file relative to the root. */
export function start(runtime: FoundRuntime, file: string, ...args: string[]): Program {
  const [program, ...words] = commandFor(runtime, file, args);
  const child: ChildProcess = spawn(program!, words, { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout?.on("data", (chunk) => text += String(chunk));
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    line: (pattern) =>
      eventually(`the program prints ${pattern}`, () => {
        const line = text.split("\n").slice(0, -1).find((one) => pattern.test(one));
        if (line === undefined && ended()) {
          throw new Error(`The program ended and printed "${text}"`);
        }
        return line;
      }, 20_000),
    async death() {
      await eventually("the program ends", ended, 20_000);
      return child.exitCode === 0 ? "lives" : "dies";
    },
    async [Symbol.asyncDispose]() {
      if (!ended()) child.kill("SIGKILL");
      await eventually("the program is gone", ended);
    },
  };
}
