/**
 * Compiles the project with the native TypeScript compiler: `.build` (everything, for Node 20,
 * which loads no TypeScript) and `dist` (what npm publishes).
 *
 * @module
 */

import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./process.ts";
import { filesUnder, isMain, ROOT } from "./project.ts";
import { tscProgram } from "./runtimes.ts";
import { ensureSetup } from "./setup.ts";

const BUILD = join(ROOT, ".build");
const STAMP = join(BUILD, ".stamp");

/**
 * Brings `.build` up to date: JavaScript of every file of the project. Types are not checked here
 * (the gate does that), so a slip in one file keeps no other from being tested. Throws with the
 * compiler's output when a file cannot be parsed.
 */
export async function ensureBuild(): Promise<void> {
  const print = sourcesPrint();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === print) return;
  const options = ["-p", "tsconfig.tests.json", "--noCheck", "--incremental", "false"];
  const result = await run([tscProgram(), ...options]);
  if (result.code !== 0) {
    throw new Error(`Cannot build .build: tsc ended with ${result.code}\n${result.output}`);
  }
  mkdirSync(BUILD, { recursive: true });
  writeFileSync(STAMP, print);
}

/** Builds `dist` from nothing, with types checked. Throws with the compiler's output. */
export async function buildDist(): Promise<void> {
  rmSync(join(ROOT, "dist"), { recursive: true, force: true });
  const result = await run([tscProgram(), "-p", "tsconfig.build.json"]);
  if (result.code !== 0) {
    throw new Error(`Cannot build dist: tsc ended with ${result.code}\n${result.output}`);
  }
}

/** Changes when a source is added, removed or written. */
function sourcesPrint(): string {
  const inputs = filesUnder(ROOT).filter((path) => /\.ts$|^tsconfig.*\.json$/.test(path));
  return inputs.map((path) => {
    const { mtimeMs, size } = statSync(join(ROOT, path));
    return `${path} ${mtimeMs} ${size}`;
  }).join("\n");
}

if (isMain(import.meta.url)) {
  await ensureSetup();
  await buildDist();
  console.log("built dist");
}
