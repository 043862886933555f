/**
 * `deno task deep`: what takes too long for every change, from fresh seeds: a million fuzzed inputs
 * for each decoder, hundreds of simulated hours, a soak of real processes.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { ensureBuild } from "./build.ts";
import { filesUnder, isMain, ROOT } from "./project.ts";
import { denoProgram } from "./runtimes.ts";
import { ensureSetup } from "./setup.ts";
import { countedStage, runStages, type Stage } from "./stages.ts";

const FUZZ_INPUTS = 1_000_000;

/** Each program ends with the line `N passed, N failed` and prints the seed that replays it. */
function deepStages(): Stage[] {
  const tool = (...args: string[]) => () => [denoProgram(), "run", "-A", ...args];
  const timeoutMs = 25 * 60_000;
  const stages: Stage[] = [];
  if (filesUnder(ROOT, ["tests/fuzz"]).length > 0) {
    const command = tool("tools/fuzz.ts", "--inputs", String(FUZZ_INPUTS));
    const claim = `${FUZZ_INPUTS} inputs make no decoder throw, hang or swell`;
    stages.push({ ...countedStage("fuzz", claim, command, { timeoutMs }), alone: false });
  }
  if (existsSync(join(ROOT, "tools/sim.ts"))) {
    const claim = "simulated clusters from fresh seeds break no invariant";
    const command = tool("tools/sim.ts", "--deep");
    stages.push({ ...countedStage("simulate", claim, command, { timeoutMs }), alone: false });
  }
  if (filesUnder(ROOT, ["tests/soak"]).length > 0) {
    const command = tool("tools/test.ts", "--serial", "--runtime", "deno", "tests/soak");
    stages.push(countedStage("soak", "long-lived processes stay well", command, { timeoutMs }));
  }
  return stages;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { only: { type: "string" } } });
  await ensureSetup();
  await ensureBuild();
  const wanted = values.only?.split(",");
  const stages = deepStages().filter(({ name }) => wanted === undefined || wanted.includes(name));
  if (stages.length === 0) {
    console.error(`Cannot run ${JSON.stringify(values.only ?? "deep")}: there is no such stage`);
    return 2;
  }
  const { passed, failed } = await runStages(stages);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (isMain(import.meta.url)) process.exitCode = await main();
