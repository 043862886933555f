/**
 * Runs the stages of a gate: side by side where the cores allow, all of them whatever fails, with
 * the seconds and the counts of each.
 *
 * @module
 */

import { cpus } from "node:os";
import { run, type RunOptions, secondsSince } from "./process.ts";

/** What a stage found. */
export interface StageResult {
  readonly passed: number;
  readonly failed: number;
  /** Printed when something failed. */
  readonly output: string;
  /** Printed either way, below the stage's line. */
  readonly details?: string;
}

/** One part of a gate. */
export interface Stage {
  readonly name: string;
  /** What holds when it passes, in a few words. */
  readonly claim: string;
  /** Runs with nothing beside it: it measures time or uses every core itself. */
  readonly alone?: boolean;
  /** Does the work; a rejection counts as one failure. */
  run(): Promise<StageResult>;
}

/** What {@linkcode runStages} adds up. */
export interface StagesResult {
  readonly passed: number;
  readonly failed: number;
}

/** A stage that is one program: it passes when that exits with 0. */
export function commandStage(
  name: string,
  claim: string,
  command: () => readonly string[],
  options: RunOptions = {},
): Stage {
  return {
    name,
    claim,
    async run() {
      const result = await run(command(), { env: { NO_COLOR: "1" }, ...options });
      const passed = result.code === 0;
      return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, output: result.output };
    },
  };
}

/** A stage that is one of our own programs, which ends with the line `N passed, N failed`. */
export function countedStage(
  name: string,
  claim: string,
  command: () => readonly string[],
  options: RunOptions = {},
): Stage {
  return {
    name,
    claim,
    alone: true,
    async run() {
      const result = await run(command(), options);
      const counts = lastCounts(result.stdout);
      const failed = counts.failed + (result.code !== 0 && counts.failed === 0 ? 1 : 0);
      const details = result.stdout.split("\n").filter((line) => /\S +\d+ passed, /.test(line));
      return {
        passed: counts.passed,
        failed,
        output: result.output,
        details: details.join("\n"),
      };
    },
  };
}

/** A stage that is a list of findings: it passes when there is none. */
export function findingsStage(
  name: string,
  claim: string,
  findings: () => readonly string[] | Promise<readonly string[]>,
): Stage {
  return {
    name,
    claim,
    async run() {
      const found = await findings();
      return {
        passed: found.length === 0 ? 1 : 0,
        failed: found.length === 0 ? 0 : 1,
        output: found.map((each) => `${each}\n`).join(""),
      };
    },
  };
}

/** The last lone line `N passed, N failed` of a text; zeros and one failure when there is none. */
export function lastCounts(text: string): StagesResult {
  const match = [...text.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  if (match === undefined) return { passed: 0, failed: 1 };
  return { passed: Number(match[1]), failed: Number(match[2]) };
}

/**
 * Runs the stages, those that may share the machine first, two at a time, then the others one by
 * one; prints a line for each as it ends and what the failed ones said.
 */
export async function runStages(stages: readonly Stage[]): Promise<StagesResult> {
  let passed = 0;
  let failed = 0;
  const failedNames: string[] = [];
  const width = Math.max(...stages.map((stage) => stage.name.length));
  const runOne = async (stage: Stage): Promise<void> => {
    const started = performance.now();
    const result = await stage.run().catch((error: unknown): StageResult => ({
      passed: 0,
      failed: 1,
      output: error instanceof Error ? error.message : String(error),
    }));
    passed += result.passed;
    failed += result.failed;
    const seconds = secondsSince(started).toFixed(1).padStart(6);
    const mark = result.failed === 0 ? "ok    " : "FAILED";
    const counts = result.passed + result.failed === 1
      ? ""
      : ` (${result.passed} passed, ${result.failed} failed)`;
    console.log(`${mark} ${stage.name.padEnd(width)} ${seconds} s  ${stage.claim}${counts}`);
    if (result.failed === 0) {
      if ((result.details ?? "") !== "") console.log(indented(result.details as string));
      return;
    }
    failedNames.push(stage.name);
    console.log(indented(result.output));
  };
  await sideBySide(stages.filter((stage) => !stage.alone), runOne);
  for (const stage of stages) if (stage.alone) await runOne(stage);
  if (failedNames.length > 0) {
    console.log(`failed: ${failedNames.join(", ")} (again with --only NAME)`);
  }
  return { passed, failed };
}

async function sideBySide(
  stages: readonly Stage[],
  runOne: (stage: Stage) => Promise<void>,
): Promise<void> {
  const waiting = [...stages];
  const worker = async (): Promise<void> => {
    for (let stage = waiting.shift(); stage !== undefined; stage = waiting.shift()) {
      await runOne(stage);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, cpus().length) }, worker));
}

function indented(text: string): string {
  return text.trimEnd().split("\n").map((line) => `    ${line}`).join("\n");
}
