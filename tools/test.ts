/**
 * `deno task test`: runs the tests on Deno, Node and Bun and counts what really ran.
 *
 * ```
 * deno task test                                  # everything, on every runtime found
 * deno task test --runtime node tests/unit/wire   # one folder or file, one runtime
 * ```
 *
 * `--serial` runs one file on one runtime at a time, for tests that start processes and measure time; `--verbose`
 * shows what the runners print.
 *
 * @module
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { ensureBuild } from "./build.ts";
import { pooled, run } from "./process.ts";
import { filesUnder, isMain, ROOT } from "./project.ts";
import { findRuntimes, type FoundRuntime, RUNTIME_NAMES, type RuntimeName } from "./runtimes.ts";
import { ensureSetup } from "./setup.ts";
import { countTests, failuresIn, type TestCounts } from "./test_report.ts";

/** What `deno task test` runs; real processes (`tests/interop`, `tests/runtime`) have own tasks. */
const QUICK_FOLDERS: readonly string[] = [
  "tests/arch",
  "tests/compliance",
  "tests/docs",
  "tests/fuzz",
  "tests/simulation",
  "tests/unit",
];

/** What a whole run of one runtime may take before it counts as hung. */
const RUN_MS_MAX = 20 * 60_000;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      runtime: { type: "string" },
      serial: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  await ensureSetup();
  const wanted = chosenRuntimes(values.runtime);
  const files = testFiles(positionals.length > 0 ? positionals : QUICK_FOLDERS);
  if (files.length === 0) {
    console.error(`Cannot test: no *_test.ts file in ${positionals.join(", ")}`);
    return 2;
  }
  const inCi = process.env["CI"] === "true";
  const { found, missing } = findRuntimes(wanted);
  await ensureBuild();

  for (const { why } of missing) console.log(why);
  let passed = 0;
  let failed = inCi ? missing.length : 0;
  const stream = values.verbose || found.length === 1;
  const runs = found.map((runtime) => async (): Promise<void> => {
    const { counts, output, seconds } = await runOn(runtime, files, {
      stream,
      serial: values.serial,
    });
    const bad = counts.failed + (inCi ? counts.skipped.length : 0);
    passed += counts.passed;
    failed += bad;
    if (bad > 0 && !stream) console.log(failuresIn(runtime.name, output));
    console.log(line(runtime, counts, seconds));
    for (const name of counts.skipped) console.log(`    skipped: ${name}`);
  });
  // Two at once: one process for each core of a small machine, and no more to disturb time. Serial ones share ports,
  // servers and network namespaces with nobody.
  await pooled(runs, values.serial ? 1 : Math.min(2, cpus().length));
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

function chosenRuntimes(option: string | undefined): readonly RuntimeName[] {
  if (option === undefined) return RUNTIME_NAMES;
  return option.split(",").map((name) => {
    const known = RUNTIME_NAMES.find((each) => each === name);
    if (known !== undefined) return known;
    throw new TypeError(
      `Cannot test on ${JSON.stringify(name)}: --runtime takes ${RUNTIME_NAMES.join(", ")}`,
    );
  });
}

/** The test files at the given paths (files, or folders looked through), relative to the root. */
function testFiles(paths: readonly string[]): string[] {
  const files = new Set<string>();
  for (const path of paths) {
    const inRoot = relative(ROOT, resolve(ROOT, path));
    const whole = join(ROOT, inRoot);
    if (existsSync(whole) && statSync(whole).isFile()) files.add(inRoot);
    else {for (const file of filesUnder(ROOT, [inRoot])) {
        if (file.endsWith("_test.ts")) files.add(file);
      }}
  }
  return [...files].sort();
}

interface RuntimeRun {
  readonly counts: TestCounts;
  readonly output: string;
  readonly seconds: number;
}

async function runOn(
  runtime: FoundRuntime,
  files: readonly string[],
  how: { readonly stream: boolean; readonly serial: boolean },
): Promise<RuntimeRun> {
  const folder = mkdtempSync(join(tmpdir(), "althing-test-"));
  const report = join(folder, "junit.xml");
  try {
    const result = await run(testCommand(runtime, files, report, how.serial), {
      timeoutMs: RUN_MS_MAX,
      stream: how.stream,
      env: { NO_COLOR: "1", FORCE_COLOR: "0", ...programs() },
    });
    const junit = existsSync(report) ? readFileSync(report, "utf8") : "";
    return {
      counts: countTests(runtime.name, junit, result.output, result.code),
      output: result.output,
      seconds: result.seconds,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tells tests that start processes which Deno runs them; under npx it is not on the PATH. */
function programs(): Record<string, string> {
  const deno = findRuntimes(["deno"]).found[0];
  return deno === undefined ? {} : { ALTHING_DENO: deno.program };
}

function testCommand(
  runtime: FoundRuntime,
  files: readonly string[],
  report: string,
  serial: boolean,
): string[] {
  switch (runtime.name) {
    case "deno":
      return [runtime.program, "test", "-A", "--no-check", `--junit-path=${report}`]
        .concat(serial ? [] : "--parallel", files);
    case "bun": // runs one file at a time anyway
      return [runtime.program, "test", "--timeout=120000", "--reporter=junit"]
        .concat(`--reporter-outfile=${report}`, files.map((file) => `./${file}`));
    case "node":
      return [runtime.program, "--test", "--test-reporter=spec", "--test-reporter=junit"]
        .concat("--test-reporter-destination=stdout", `--test-reporter-destination=${report}`)
        .concat(serial ? "--test-concurrency=1" : [])
        .concat(files.map((file) => join(".build", file.replace(/\.ts$/, ".js"))));
  }
}

function line(runtime: FoundRuntime, counts: TestCounts, seconds: number): string {
  const skipped = counts.skipped.length === 0 ? "" : `, ${counts.skipped.length} skipped`;
  const name = `${runtime.name} ${runtime.version}`.padEnd(14);
  return `${name} ${counts.passed} passed, ${counts.failed} failed${skipped} in ${
    seconds.toFixed(1)
  } s`;
}

if (isMain(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
