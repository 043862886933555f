/**
 * Builds the Go programs that the interop tests and the benchmarks talk to.
 *
 * Binaries live in the user's cache, under a hash of their sources, so that a checkout is built once and three
 * runtimes share the result.
 *
 * @module
 */

import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** A Go module of this repository: the folder to build and every folder whose sources go into it. */
export interface GoModule {
  /** Folder of the module, relative to the repository. */
  readonly main: string;
  /** What to build there: the folder itself, or a package of a module that its `go.mod` pins. @default {"."} */
  readonly package?: string;
  /** All folders with sources, the main one included, relative to the repository. */
  readonly sources: readonly string[];
}

/** A finished binary. */
export interface GoBinary {
  readonly path: string;
  /** What the build took; 0 when the cache had it. */
  readonly buildMs: number;
}

/**
 * Why no Go program can be built here: text for a test's `skip` option, `false` when all is well.
 *
 * Throws when `CI` is `true`: there a missing Go must not hide the interop tests.
 */
export function goSkipReason(): string | false {
  const probe = spawnSync("go", ["version"], { encoding: "utf8" });
  if (probe.status === 0) return false;
  const reason = "no Go toolchain: `go version` does not run, install Go 1.25 or newer";
  if (process.env.CI === "true") throw new Error(`Run the interop tests in CI: ${reason}`);
  return reason;
}

/** Builds one module, or takes it from the cache. Rejects with the compiler's words. */
export async function buildGo(module: GoModule): Promise<GoBinary> {
  const root = repositoryRoot();
  const folder = join(cacheRoot(), "althing", "interop", sourcesHash(root, module));
  const path = join(folder, process.platform === "win32" ? "peer.exe" : "peer");
  if (existsSync(path)) return { path, buildMs: 0 };
  mkdirSync(folder, { recursive: true });
  const started = performance.now();
  // Built aside and renamed, so that runtimes testing at the same time never run half a file.
  const aside = `${path}.${process.pid}`;
  // Two at once: large servers take more memory than a small machine has.
  await run("go", [
    "build",
    "-p",
    "2",
    "-trimpath",
    "-ldflags=-s -w",
    "-o",
    aside,
    module.package ?? ".",
  ], {
    cwd: join(root, module.main),
  });
  renameSync(aside, path);
  return { path, buildMs: performance.now() - started };
}

function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else {
        reject(
          new Error(`Build the Go program in ${options.cwd}: ${stderr.trim() || error.message}`),
        );
      }
    });
  });
}

function cacheRoot(): string {
  const configured = process.env.XDG_CACHE_HOME;
  return configured === undefined || configured === "" ? join(homedir(), ".cache") : configured;
}

function sourcesHash(root: string, module: GoModule): string {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${module.main}`);
  for (const folder of module.sources) {
    for (const file of readdirSync(join(root, folder)).sort()) {
      if (!/\.go$|^go\.(mod|sum)$/.test(file)) continue;
      hash.update(`\0${folder}/${file}\0`).update(readFileSync(join(root, folder, file)));
    }
  }
  return hash.digest("hex").slice(0, 24);
}

/** The sources stay in the checkout also when this file runs as built JavaScript from elsewhere. */
function repositoryRoot(): string {
  for (const start of [dirname(fileURLToPath(import.meta.url)), process.cwd()]) {
    for (let folder = start;; folder = dirname(folder)) {
      if (existsSync(join(folder, "tests/interop/go_memberlist/go.mod"))) return folder;
      if (folder === dirname(folder)) break;
    }
  }
  throw new Error(
    `Build a Go program: its sources are not above ${process.cwd()}, run from the repository`,
  );
}
