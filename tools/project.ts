/**
 * Where the project lies and what it holds, for tools, checkers and tests; the same on Deno, Node
 * (from `.build`) and Bun.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The folder with `deno.json`, absolute; found upwards from this file, so it holds in `.build` too. */
export const ROOT: string = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(from: string): string {
  for (let at = from;; at = dirname(at)) {
    if (existsSync(join(at, "deno.json"))) return at;
    if (at === dirname(at)) {
      throw new Error(
        `Cannot find the project: no deno.json in ${JSON.stringify(from)} or above it`,
      );
    }
  }
}

/** Whether the module with this `import.meta.url` is the program itself, on every runtime. */
export function isMain(url: string): boolean {
  const program = process.argv[1];
  return program !== undefined && resolve(program) === fileURLToPath(url);
}

/** Folders that hold nothing written by hand. */
const NOT_OURS: ReadonlySet<string> = new Set([".git", ".build", "dist", "node_modules"]);

/**
 * Every file under `root` that is no build product and no package, as `/`-separated paths relative
 * to `root`, sorted. Missing folders are empty.
 */
export function filesUnder(root: string, folders: readonly string[] = ["."]): string[] {
  const found: string[] = [];
  const visit = (folder: string): void => {
    if (!existsSync(folder)) return;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!NOT_OURS.has(entry.name)) visit(path);
      } else if (entry.isFile() && !NOT_OURS.has(entry.name)) {
        found.push(relative(root, path).split(sep).join("/"));
      }
    }
  };
  for (const folder of folders) visit(join(root, folder));
  return found.sort();
}

/** The parts of `deno.json` the tools read. */
export interface DenoManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks?: Readonly<Record<string, unknown>>;
  readonly publish?: { readonly include?: readonly string[] };
}

/** The parts of `package.json` the tools read. */
export interface NpmManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** `deno.json`, which leads. */
export function denoManifest(root: string = ROOT): DenoManifest {
  return JSON.parse(readFileSync(join(root, "deno.json"), "utf8")) as DenoManifest;
}

/** `package.json`, which follows. */
export function npmManifest(root: string = ROOT): NpmManifest {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as NpmManifest;
}
