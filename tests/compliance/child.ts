/**
 * Programs of their own on the runtime that the tests run on.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Starts the module beside this one, called `name` without its extension; its standard output is piped. */
export function startModule(name: string, ...args: string[]): ChildProcess {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const path = fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url));
  const isDeno = (globalThis as { readonly Deno?: unknown }).Deno !== undefined;
  const before = isDeno ? ["run", "-A"] : [];
  return spawn(process.execPath, [...before, path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** The first line the child writes; rejects when it ends without one. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk) => {
      text += String(chunk);
      const end = text.indexOf("\n");
      if (end >= 0) resolve(text.slice(0, end));
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`The child ended with ${code}: "${text}"`)));
  });
}

/** The exit code, once the child has ended. */
export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("exit", (code) => resolve(code)));
}
