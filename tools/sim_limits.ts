/**
 * `deno task sim:limits`: random lives of clusters with limits, from fresh seeds, many more than the tests play. Every
 * failure names the seed that replays it.
 *
 * ```
 * deno task sim:limits                            # 10,000 lives with leased limits, 2,000 with the others
 * deno task sim:limits --only leased --runs 500
 * deno task sim:limits --only owner --seed 42     # that one
 * ```
 *
 * @module
 */

import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { pooled, run, secondsSince } from "./process.ts";
import { isMain } from "./project.ts";
import { denoProgram } from "./runtimes.ts";

/** A simulation: its test plays the seeds that two variables name. */
interface Kind {
  readonly name: string;
  readonly test: string;
  /** What its variables begin with. */
  readonly variable: string;
  readonly runs: number;
}

/** `leased` has the strongest promise and the most ways to break it. */
const KINDS: readonly Kind[] = [
  {
    name: "leased",
    test: "tests/simulation/leased/leased_test.ts",
    variable: "LEASED",
    runs: 10_000,
  },
  { name: "owner", test: "tests/simulation/owner/owner_test.ts", variable: "OWNER", runs: 2_000 },
  {
    name: "approximate",
    test: "tests/simulation/limits/limits_sim_test.ts",
    variable: "LIMITS",
    runs: 2_000,
  },
];

/** Seeds given to one child. */
const SEEDS_PER_CHILD = 500;

interface Job {
  readonly kind: Kind;
  readonly first: number;
  readonly count: number;
}

/** Plays some seeds in another process; answers whether none broke anything. */
async function play({ kind, first, count }: Job): Promise<boolean> {
  const { code, output, seconds } = await run(
    [denoProgram(), "test", "-A", "--no-check", kind.test],
    {
      env: {
        [`${kind.variable}_SEEDS`]: String(count),
        [`${kind.variable}_FIRST_SEED`]: String(first),
        NO_COLOR: "1",
      },
      timeoutMs: 30 * 60_000,
    },
  );
  const seeds = count === 1 ? `seed ${first}` : `seeds ${first} to ${first + count - 1}`;
  if (code === 0) {
    console.log(`${kind.name}: ${seeds}, ${seconds} s`);
    return true;
  }
  const said = output.split("\n").filter((line) => /seed \d+: |by seed \d+|only \d+/.test(line))
    .slice(0, 5);
  console.log(`${kind.name}: ${seeds} FAILED`);
  console.log((said.length > 0 ? said : output.split("\n").slice(-20)).join("\n"));
  console.log(`  replay: deno task sim:limits --only ${kind.name} --seed SEED`);
  return false;
}

function jobsOf(kinds: readonly Kind[], seed: number | undefined, runs: number | undefined): Job[] {
  const jobs: Job[] = [];
  for (const kind of kinds) {
    const first = seed ?? randomInt(2 ** 31);
    const total = runs ?? (seed === undefined ? kind.runs : 1);
    for (let at = 0; at < total; at += SEEDS_PER_CHILD) {
      jobs.push({ kind, first: first + at, count: Math.min(SEEDS_PER_CHILD, total - at) });
    }
  }
  return jobs;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      seed: { type: "string" },
      runs: { type: "string" },
      jobs: { type: "string" },
    },
  });
  const started = performance.now();
  const wanted = values.only?.split(",");
  const kinds = KINDS.filter(({ name }) => wanted === undefined || wanted.includes(name));
  const numbers = [values.seed, values.runs].map((text) => text === undefined ? 1 : Number(text));
  if (kinds.length === 0 || !numbers.every((value) => Number.isInteger(value) && value >= 0)) {
    const names = KINDS.map(({ name }) => name).join(", ");
    console.error(`Cannot simulate: give --only of ${names}, --seed and --runs whole numbers`);
    return 2;
  }
  const jobs = jobsOf(
    kinds,
    values.seed === undefined ? undefined : Number(values.seed),
    values.runs === undefined ? undefined : Number(values.runs),
  );
  const atOnce = Number(values.jobs ?? Math.max(1, availableParallelism()));
  const passed = (await pooled(jobs.map((job) => () => play(job)), atOnce))
    .filter((isPassed) => isPassed).length;
  for (const { name } of kinds) {
    const played = jobs.filter(({ kind }) => kind.name === name);
    console.log(`${name}: ${played.reduce((sum, { count }) => sum + count, 0)} lives`);
  }
  console.log(`${secondsSince(started)} s`);
  console.log(`${passed} passed, ${jobs.length - passed} failed`);
  return passed === jobs.length ? 0 : 1;
}

if (isMain(import.meta.url)) process.exitCode = await main();
