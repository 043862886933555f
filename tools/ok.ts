/**
 * `deno task ok`: the gate, the same for people and CI. Runs every stage whatever fails, prints the
 * seconds of each, and ends with the line `N passed, N failed`.
 *
 * ```
 * deno task ok                      # everything
 * deno task ok --only lint,types    # some stages, by name or by the start of a name
 * deno task ok --list               # the stages
 * ```
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { ensureBuild } from "./build.ts";
import { manifestFindings } from "./check_manifests.ts";
import { packageStage } from "./check_package.ts";
import { protoFindings } from "./gen_proto.ts";
import { denoManifest, filesUnder, isMain, ROOT } from "./project.ts";
import { bufProgram, denoProgram, findRuntimes, tscProgram } from "./runtimes.ts";
import { ensureSetup } from "./setup.ts";
import { commandStage, countedStage, findingsStage, runStages, type Stage } from "./stages.ts";

/** Folders with TypeScript that Deno must be able to check. */
const CHECKED = ["src", "adapters", "proto/gen", "tests", "tools", "bench", "examples"];

function staticStages(): Stage[] {
  const entries = Object.values(denoManifest().exports);
  const deno = (...args: string[]) => () => [denoProgram(), ...args];
  const tsc = (config: string) => () => [tscProgram(), "-p", config, "--noEmit"];
  const checked = CHECKED.filter((folder) =>
    filesUnder(ROOT, [folder]).some((file) => file.endsWith(".ts"))
  );
  const texts = ["README.md", ...filesUnder(ROOT, ["docs"])]
    .filter((file) => file.endsWith(".md") && existsSync(join(ROOT, file)));
  return [
    commandStage("fmt", "files are formatted", deno("fmt", "--check")),
    commandStage("lint", "the linter finds nothing", deno("lint")),
    commandStage("types:core", "the core compiles where nothing but ES2023 is", () => [
      tscProgram(),
      "-p",
      "tsconfig.core.json",
    ]),
    commandStage(
      "types:web",
      "the portable part compiles with web types only",
      tsc("tsconfig.web.json"),
    ),
    commandStage("types:build", "what npm publishes compiles", tsc("tsconfig.build.json")),
    commandStage("types:tests", "tests, tools, benches and examples compile", () => [
      ...tsc("tsconfig.tests.json")(),
      "--incremental",
      "false",
    ]),
    commandStage("types:deno", "Deno's own check agrees", deno("check", "mod.ts", ...checked)),
    commandStage("doc", "every public symbol is documented", deno("doc", "--lint", ...entries)),
    commandStage(
      "doc:examples",
      "examples in comments compile",
      deno("check", "--doc", ...entries),
    ),
    commandStage("doc:texts", "examples in texts compile", deno("check", "--doc-only", ...texts)),
    findingsStage("manifests", "manifests, lock and sources agree", () => manifestFindings()),
    commandStage("proto:lint", "the contract passes buf's lint", () => [bufProgram(), "lint"]),
    findingsStage("proto:gen", "generated code is what the contract gives", () => protoFindings()),
    commandStage(
      "schema",
      "the JSON Schema is what the configuration gives",
      deno("run", "-A", "tools/gen_schema.ts", "--check"),
    ),
    commandStage(
      "publish",
      "JSR would take the package",
      deno("publish", "--dry-run", "--allow-dirty"),
    ),
    packageStage(),
  ];
}

function testStages(): Stage[] {
  const task = (...args: string[]) => () => [denoProgram(), "run", "-A", "tools/test.ts", ...args];
  return [
    countedStage("test", "tests pass on every runtime", task()),
    countedStage(
      "test:runtime",
      "real processes on three runtimes form clusters",
      task("--serial", "--runtime", "deno", "tests/runtime"),
    ),
    countedStage(
      "test:interop",
      "real peers and ours agree on every runtime",
      task("--serial", "tests/interop"),
      { timeoutMs: 45 * 60_000 },
    ),
  ];
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { only: { type: "string" }, list: { type: "boolean", default: false } },
  });
  await ensureSetup();
  const wanted = values.only?.split(",");
  const stages = [...staticStages(), ...testStages()].filter(({ name }) =>
    wanted === undefined || wanted.some((start) => name === start || name.startsWith(`${start}:`))
  );
  if (stages.length === 0) {
    console.error(`Cannot run ${JSON.stringify(values.only)}: no stage has that name, see --list`);
    return 2;
  }
  if (values.list) {
    for (const { name, claim } of stages) console.log(`${name.padEnd(14)} ${claim}`);
    return 0;
  }
  for (const { why } of findRuntimes().missing) console.log(why);
  await ensureBuild();
  const { passed, failed } = await runStages(stages);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (isMain(import.meta.url)) process.exitCode = await main();
