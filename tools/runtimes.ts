/**
 * Finds the runtimes (Deno, Node, Bun) and the native tools (tsc, buf) that this machine and
 * `node_modules` offer. Everything that needs one asks here, so that nothing has to be installed
 * globally and a missing one is named in one sentence.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { ROOT } from "./project.ts";

/** The runtimes the package runs on. */
export type RuntimeName = "deno" | "node" | "bun";

/** All of them, in the order reports use. */
export const RUNTIME_NAMES: readonly RuntimeName[] = ["deno", "node", "bun"];

/** One runtime that was found. */
export interface FoundRuntime {
  readonly name: RuntimeName;
  /** Such as `"20.20.2"`. */
  readonly version: string;
  /** Absolute path of the program, or its name on the PATH. */
  readonly program: string;
}

/** What {@linkcode findRuntimes} found. */
export interface Runtimes {
  readonly found: readonly FoundRuntime[];
  /** One sentence for each that is missing: which, and why. */
  readonly missing: readonly { readonly name: RuntimeName; readonly why: string }[];
}

/** The oldest Node that runs the package, as in `engines`. */
const NODE_OLDEST: readonly [number, number] = [20, 15];

/** Finds the wanted runtimes; those that this machine lacks are in `missing`. */
export function findRuntimes(wanted: readonly RuntimeName[] = RUNTIME_NAMES): Runtimes {
  const found: FoundRuntime[] = [];
  const missing: { name: RuntimeName; why: string }[] = [];
  for (const name of wanted) {
    const result = { deno: findDeno, node: findNode, bun: findBun }[name]();
    if (typeof result === "string") missing.push({ name, why: result });
    else found.push(result);
  }
  return { found, missing };
}

/** One runtime, or `undefined` when this machine lacks it. */
export function findRuntime(name: RuntimeName): FoundRuntime | undefined {
  return findRuntimes([name]).found[0];
}

/**
 * The command that runs a TypeScript file of this project: the file itself on Deno and Bun, its
 * JavaScript in `.build` on Node (which must have been built: `ensureBuild` in `tools/build.ts`).
 * `file` is relative to the root, such as `"adapters/cli/main.ts"`.
 */
export function commandFor(
  runtime: FoundRuntime,
  file: string,
  args: readonly string[] = [],
): string[] {
  if (runtime.name === "deno") {
    // Set-up fetched everything; left alone, Deno looks for news of the packages and says so on standard error.
    const still = ["--no-check", "--cached-only", "--quiet"];
    return [runtime.program, "run", "-A", ...still, join(ROOT, file), ...args];
  }
  if (runtime.name === "bun") return [runtime.program, join(ROOT, file), ...args];
  return [runtime.program, join(ROOT, ".build", file.replace(/\.ts$/, ".js")), ...args];
}

/** The Deno that runs the tools; fails with a sentence when there is none. */
export function denoProgram(): string {
  const deno = findDeno();
  if (typeof deno === "string") throw new Error(deno);
  return deno.program;
}

/** The TypeScript compiler, a native program; needs no Node. */
export function tscProgram(): string {
  return nativeTool("@typescript", "typescript-", ["lib", "tsc"]);
}

/** The protobuf linter and generator, a native program; needs no Node. */
export function bufProgram(): string {
  return nativeTool("@bufbuild", "buf-", ["bin", "buf"]);
}

function findDeno(): FoundRuntime | string {
  const tried = process.versions["deno"] === undefined
    ? [process.env["ALTHING_DENO"] ?? "", ...onPath("deno")]
    : [process.execPath];
  for (const program of tried) {
    const version = versionOf(program);
    if (version !== undefined) return { name: "deno", version, program };
  }
  return `Deno was not found on the PATH: start with "npx -y deno@2.9.6 task ..."`;
}

function findNode(): FoundRuntime | string {
  const oldest = NODE_OLDEST.join(".");
  let tooOld = "";
  for (const program of [process.env["ALTHING_NODE"] ?? "", ...onPath("node")]) {
    // Without a Node on the machine, Deno gives its tasks a `node` that is itself: it says "deno".
    const version = versionOf(program, /^v(\d+\.\d+\.\d+)/);
    if (version === undefined) continue;
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major > NODE_OLDEST[0] || (major === NODE_OLDEST[0] && minor >= NODE_OLDEST[1])) {
      return { name: "node", version, program };
    }
    tooOld = version;
  }
  const state = tooOld === "" ? "Node was not found on the PATH" : `Node ${tooOld} is too old`;
  return `${state}: install Node ${oldest} or newer to run there too`;
}

function findBun(): FoundRuntime | string {
  for (const program of [...onPath("bun"), ...platformPrograms("@oven", "bun-", ["bin", "bun"])]) {
    const version = versionOf(program);
    if (version !== undefined) return { name: "bun", version, program };
  }
  return "Bun was not found on the PATH or in node_modules: it has no build for this platform";
}

function nativeTool(scope: string, prefix: string, path: readonly string[]): string {
  const program = platformPrograms(scope, prefix, path).find((at) => versionOf(at) !== undefined);
  if (program === undefined) {
    throw new Error(
      `Cannot find ${scope}/${prefix}<platform> in node_modules: run "deno task setup" first`,
    );
  }
  return program;
}

/**
 * Programs of the platform packages an npm package depends on. Only those for this system are
 * installed, by Deno under `node_modules/.deno/<scope>+<name>@<version>`, by npm at the top.
 */
function platformPrograms(scope: string, prefix: string, path: readonly string[]): string[] {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const folders: string[] = [];
  const store = join(ROOT, "node_modules", ".deno");
  for (const entry of list(store)) {
    if (!entry.startsWith(`${scope}+${prefix}`)) continue;
    const name = entry.slice(scope.length + 1, entry.lastIndexOf("@"));
    folders.push(join(store, entry, "node_modules", scope, name));
  }
  const top = join(ROOT, "node_modules", scope);
  for (const entry of list(top)) if (entry.startsWith(prefix)) folders.push(join(top, entry));
  return folders.map((folder) => join(folder, ...path) + suffix).filter((at) => existsSync(at));
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** Every program of that name on the PATH, in its order. */
function onPath(name: string): string[] {
  const file = process.platform === "win32" ? `${name}.exe` : name;
  return (process.env["PATH"] ?? "").split(delimiter)
    // A package's wrapper script is no runtime of its own: it starts what we look for anyway.
    .filter((folder) => folder !== "" && !folder.endsWith(join("node_modules", ".bin")))
    .map((folder) => join(folder, file))
    .filter((program) => existsSync(program));
}

/** What a program says of its version; `undefined` when it does not run or says something else. */
function versionOf(program: string, pattern: RegExp = /(\d+\.\d+\.\d+)/): string | undefined {
  if (program === "") return undefined;
  try {
    const said = execFileSync(program, ["--version"], {
      encoding: "utf8",
      timeout: 20_000,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return pattern.exec(said)?.[1];
  } catch {
    return undefined;
  }
}
