/**
 * Feeds every decoder random and mutated bytes: calls each function `fuzz...({ seed, inputs })` that
 * a file of `tests/fuzz` exports. Prints the seed that replays the run.
 *
 * ```
 * deno run -A tools/fuzz.ts --inputs 1000000            # a fresh seed
 * deno run -A tools/fuzz.ts --seed 42 --inputs 1000 wire
 * ```
 *
 * @module
 */

import { randomInt } from "node:crypto";
import { basename, join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { filesUnder, isMain, ROOT } from "./project.ts";
import { secondsSince } from "./process.ts";

/** What a fuzz function is given. When a decoder broke a rule it throws, or answers with `failures`. */
export interface FuzzOptions {
  /** Seed of its dice; the same seed tries the same inputs. */
  readonly seed: number;
  /** How many inputs it tries. */
  readonly inputs: number;
}

type Fuzz = (options: FuzzOptions) => unknown;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { seed: { type: "string" }, inputs: { type: "string", default: "100000" } },
    allowPositionals: true,
  });
  const options: FuzzOptions = {
    seed: values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed),
    inputs: Number(values.inputs),
  };
  let passed = 0;
  let failed = 0;
  for (const [name, fuzz] of await fuzzFunctions(positionals)) {
    const started = performance.now();
    try {
      const failures = failuresIn(await fuzz(options));
      if (failures.length > 0) throw new Error(JSON.stringify(failures, null, 2));
      passed++;
      console.log(`${name}: ${options.inputs} inputs, ${secondsSince(started).toFixed(1)} s`);
    } catch (error) {
      failed++;
      console.log(`${name} FAILED: replay with --seed ${options.seed} --inputs ${options.inputs}`);
      console.log(error);
    }
  }
  if (passed + failed === 0) {
    failed = 1;
    console.log(`Cannot fuzz: no fuzz function in tests/fuzz for ${JSON.stringify(positionals)}`);
  }
  console.log(`seed ${options.seed}`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** The failures that a fuzz function reports; none when it says nothing of failures. */
export function failuresIn(report: unknown): readonly unknown[] {
  const { failures } = (report ?? {}) as { readonly failures?: unknown };
  return Array.isArray(failures) ? failures : [];
}

/** The fuzz functions of all files, or of those with the given names. */
async function fuzzFunctions(names: readonly string[]): Promise<[string, Fuzz][]> {
  const found: [string, Fuzz][] = [];
  for (const file of filesUnder(ROOT, ["tests/fuzz"])) {
    if (!file.endsWith(".ts") || file.endsWith("_test.ts")) continue;
    if (names.length > 0 && !names.includes(basename(file, ".ts"))) continue;
    const module: Record<string, unknown> = await import(pathToFileURL(join(ROOT, file)).href);
    for (const [name, value] of Object.entries(module)) {
      if (/^fuzz[A-Z]/.test(name) && typeof value === "function") found.push([name, value as Fuzz]);
    }
  }
  return found;
}

if (isMain(import.meta.url)) process.exitCode = await main();
