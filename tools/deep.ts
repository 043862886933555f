/**
 * `deno task deep`: what takes too long for every change, from fresh seeds: a million fuzzed inputs
 * for each decoder, hundreds of simulated hours, thousands of
 * clusters with limits, a soak of real processes.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { ensureBuild } from "./build.ts";
import { isMain } from "./project.ts";
import { denoProgram } from "./runtimes.ts";
import { ensureSetup } from "./setup.ts";
import { countedStage, runStages, type Stage } from "./stages.ts";

const FUZZ_INPUTS = 1_000_000;

/** Each program ends with the line `N passed, N failed` and prints the seed that replays it. */
function deepStages(): Stage[] {
  const tool = (...args: string[]) => () => [denoProgram(), "run", "-A", ...args];
  const timeoutMs = 25 * 60_000;
  const fuzz = tool("tools/fuzz.ts", "--inputs", String(FUZZ_INPUTS));
  const simulate = tool("tools/sim.ts", "--deep");
  // The same ten thousand lives every time: a failure is this change's. `deno task sim:limits` plays fresh ones.
  const limits = tool("tools/sim_limits.ts", "--only", "leased", "--seed", "0", "--runs", "10000");
  const soak = tool("tools/test.ts", "--serial", "--runtime", "deno", "tests/soak");
  const claims = {
    fuzz: `${FUZZ_INPUTS} inputs make no decoder throw, hang or swell`,
    simulate: "simulated clusters from fresh seeds break no invariant",
    limits: "leased limits in ten thousand simulated lives never admit too much",
    soak: "long-lived processes stay well",
  };
  return [
    { ...countedStage("fuzz", claims.fuzz, fuzz, { timeoutMs }), alone: false },
    { ...countedStage("simulate", claims.simulate, simulate, { timeoutMs }), alone: false },
    { ...countedStage("limits", claims.limits, limits, { timeoutMs }), alone: false },
    countedStage("soak", claims.soak, soak, { timeoutMs }),
  ];
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
