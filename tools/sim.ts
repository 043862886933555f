/**
 * `deno task sim`: random lives of simulated clusters. Every line names the seed that replays it.
 *
 * ```
 * deno task sim                                   # ten fresh seeds, an hour each, 3 to 9 nodes
 * deno task sim --runs 100 --hours 2 --jobs 2
 * deno task sim --seed 42 --hours 2 --trace       # what happened, line by line
 * deno task sim --deep                            # 500 hours of 3 to 9 nodes, one hour of 200
 * ```
 *
 * @module
 */

import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { randomRun, type RandomRunOptions } from "../src/testing/simulation/random_run.ts";
import { pooled, run, secondsSince } from "./process.ts";
import { isMain } from "./project.ts";
import { denoProgram } from "./runtimes.ts";

/** What one line of work is. */
interface Job {
  readonly seed: number;
  readonly hours: number;
  /** Drawn from the seed when left out. */
  readonly nodes?: number;
}

/** What a child tells of a job, one JSON object a line. */
interface Outcome extends Job {
  readonly ok: boolean;
  readonly simulatedMs: number;
  readonly slowestMs: number;
  readonly says: string;
}

const DEEP = { hours: 500, hoursPerRun: 4, largeNodes: 200, largeHours: 1 };

/** Jobs given to one child: few enough that the last ones do not wait for one straggler. */
const JOBS_PER_CHILD = 10;

function play(job: Job, trace?: (line: string) => void): Outcome {
  const options: RandomRunOptions = trace === undefined ? job : { ...job, trace };
  try {
    const { nodes, simulatedMs, slowestMs, violations, hash } = randomRun(options);
    const [first] = violations;
    const says = first === undefined
      ? `${nodes} nodes, hash ${hash}`
      : `${violations.length} violations of ${nodes} nodes, the first at ${
        first.atMs.toFixed(1)
      } ms: ` +
        `${first.invariant}${first.node === undefined ? "" : ` by ${first.node}`}, ${first.detail}`;
    return { ...job, ok: first === undefined, simulatedMs, slowestMs, says };
  } catch (error) {
    const says = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...job, ok: false, simulatedMs: 0, slowestMs: 0, says };
  }
}

function replay({ seed, hours, nodes }: Job): string {
  const size = nodes === undefined ? "" : ` --nodes ${nodes}`;
  return `deno task sim --seed ${seed} --hours ${hours}${size}`;
}

function tell(outcome: Outcome): void {
  const { ok, seed, simulatedMs, slowestMs, says } = outcome;
  if (!ok) console.log(`seed ${seed} FAILED: ${says}\n  replay: ${replay(outcome)}`);
  else {
    console.log(
      `seed ${seed}: ${(simulatedMs / 3_600_000).toFixed(1)} h, slowest agreement ` +
        `${(slowestMs / 1_000).toFixed(1)} s, ${says}`,
    );
  }
}

/** Plays jobs in another process, so that several run at once. */
async function playElsewhere(jobs: readonly Job[]): Promise<Outcome[]> {
  const command = [
    denoProgram(),
    "run",
    "-A",
    "--no-check",
    "tools/sim.ts",
    "--child",
    JSON.stringify(jobs),
  ];
  const { code, stdout, output } = await run(command, { timeoutMs: 60 * 60_000 });
  const outcomes = stdout.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Outcome);
  for (const outcome of outcomes) tell(outcome);
  // What a child that died did not come to has failed.
  const missing = jobs.slice(outcomes.length).map((job): Outcome => {
    const says = `no answer, exit code ${code}: ${output.slice(-500)}`;
    return { ...job, ok: false, simulatedMs: 0, slowestMs: 0, says };
  });
  for (const outcome of missing) tell(outcome);
  return [...outcomes, ...missing];
}

function jobsOf(
  values: { seed?: string; nodes?: string; hours?: string; runs?: string; deep?: boolean },
): Job[] {
  const first = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  const seedAt = (i: number): number => (first + i) >>> 0;
  if (values.deep === true) {
    const runs = Math.ceil(DEEP.hours / DEEP.hoursPerRun);
    const small = Array.from({ length: runs }, (_, i) => ({
      seed: seedAt(i + 1),
      hours: DEEP.hoursPerRun,
    }));
    return [{ seed: first, hours: DEEP.largeHours, nodes: DEEP.largeNodes }, ...small];
  }
  const runs = Number(values.runs ?? (values.seed === undefined ? 10 : 1));
  const hours = Number(values.hours ?? 1);
  const size = values.nodes === undefined ? {} : { nodes: Number(values.nodes) };
  return Array.from({ length: runs }, (_, i) => ({ seed: seedAt(i), hours, ...size }));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      nodes: { type: "string" },
      hours: { type: "string" },
      runs: { type: "string" },
      jobs: { type: "string" },
      deep: { type: "boolean" },
      trace: { type: "boolean" },
      child: { type: "string" },
    },
  });
  if (values.child !== undefined) {
    for (const job of JSON.parse(values.child) as Job[]) console.log(JSON.stringify(play(job)));
    return 0;
  }
  const started = performance.now();
  const jobs = jobsOf(values);
  if (!jobs.every(({ seed, hours, nodes = 3 }) => seed >= 0 && hours > 0 && nodes >= 2)) {
    console.error("Cannot simulate: give --seed >= 0, --hours > 0 and --nodes >= 2");
    return 2;
  }
  const atOnce = Number(values.jobs ?? Math.max(1, availableParallelism()));
  const outcomes: Outcome[] = [];
  if (atOnce === 1 || jobs.length === 1) {
    const trace = values.trace === true ? (line: string) => console.log(line) : undefined;
    for (const job of jobs) {
      const outcome = play(job, trace);
      tell(outcome);
      outcomes.push(outcome);
    }
  } else outcomes.push(...(await pooled(bundles(jobs), atOnce)).flat());
  const hours = outcomes.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / 3_600_000;
  const failed = outcomes.filter(({ ok }) => !ok).length;
  console.log(`${hours.toFixed(1)} simulated hours in ${secondsSince(started)} s`);
  console.log(`${outcomes.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** A job with many nodes goes alone, the others in bundles. */
function bundles(jobs: readonly Job[]): (() => Promise<Outcome[]>)[] {
  const large = jobs.filter(({ nodes = 0 }) => nodes > 20).map((job) => [job]);
  const small = jobs.filter(({ nodes = 0 }) => nodes <= 20);
  const bundled = Array.from(
    { length: Math.ceil(small.length / JOBS_PER_CHILD) },
    (_, i) => small.slice(i * JOBS_PER_CHILD, (i + 1) * JOBS_PER_CHILD),
  );
  return [...large, ...bundled].map((bundle) => () => playElsewhere(bundle));
}

if (isMain(import.meta.url)) process.exitCode = await main();
