/**
 * `deno task bench [NAME...]`: measures the cases of the registry, each in fresh processes on each
 * runtime, and prints the medians.
 *
 * ```
 * deno task bench                                   # everything, everywhere
 * deno task bench wire --runtime node,bun           # names that start so
 * deno task bench --json                            # one object per line
 * ```
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { ensureBuild } from "../tools/build.ts";
import { run } from "../tools/process.ts";
import {
  commandFor,
  findRuntimes,
  type FoundRuntime,
  RUNTIME_NAMES,
  type RuntimeName,
} from "../tools/runtimes.ts";
import { ensureSetup } from "../tools/setup.ts";
import { type BenchCase, type BenchFigure, cases } from "./cases.ts";
import { median } from "./measure.ts";

/** One printed figure; exactly the fields of the JSON lines. */
interface Figure {
  readonly name: string;
  readonly runtime: RuntimeName;
  readonly value: number;
  readonly unit: string;
  readonly peer?: string;
  readonly peerValue?: number;
  readonly ratio?: number;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      runtime: { type: "string" },
      rounds: { type: "string" },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const chosen = cases.filter(({ name }) =>
    positionals.length === 0 || positionals.some((start) => name.startsWith(start))
  );
  if (chosen.length === 0) {
    console.error(`Cannot measure ${positionals.join(", ")}: no case starts so, see --list`);
    return 2;
  }
  if (values.list) {
    for (const { name, unit } of chosen) console.log(`${name} (${unit})`);
    return 0;
  }
  await ensureSetup();
  await ensureBuild();
  const { found, missing } = findRuntimes(wantedRuntimes(values.runtime));
  for (const { why } of missing) console.error(why);
  let failed = 0;
  for (const bench of chosen) {
    const rounds = Number(values.rounds ?? bench.rounds ?? 3);
    const figures = await measure(bench, found, rounds).catch((error: unknown) => {
      failed++;
      console.error(error instanceof Error ? error.message : error);
      return [];
    });
    for (const figure of figures) console.log(values.json ? JSON.stringify(figure) : row(figure));
  }
  return failed === 0 ? 0 : 1;
}

function wantedRuntimes(option: string | undefined): readonly RuntimeName[] {
  return RUNTIME_NAMES.filter((name) => option === undefined || option.split(",").includes(name));
}

async function measure(
  bench: BenchCase,
  runtimes: readonly FoundRuntime[],
  rounds: number,
): Promise<Figure[]> {
  const here = runtimes.filter(({ name }) => bench.runtimes?.includes(name) ?? true);
  const samples = new Map<RuntimeName, (readonly BenchFigure[])[]>();
  // Round by round, so that a slow minute of the machine hits every runtime.
  for (let round = 0; round < rounds; round++) {
    for (const runtime of here) {
      const figures = await measureOnce(bench, runtime);
      samples.set(runtime.name, [...samples.get(runtime.name) ?? [], figures]);
    }
  }
  const peerValue = await bench.peer?.measure();
  const peer = peerValue === undefined ? undefined : { peer: bench.peer?.name ?? "", peerValue };
  return here.flatMap(({ name }) => figuresOf(bench, name, samples.get(name) ?? [], peer));
}

async function measureOnce(
  bench: BenchCase,
  runtime: FoundRuntime,
): Promise<readonly BenchFigure[]> {
  const result = await run(commandOf(bench, runtime), { timeoutMs: 60 * 60_000 });
  const line = result.stdout.trimEnd().split("\n").at(-1) ?? "";
  if (result.code !== 0 || !line.startsWith("[")) {
    throw new Error(
      `Cannot measure ${bench.name} on ${runtime.name}: exit code ${result.code}\n${result.output}`,
    );
  }
  return JSON.parse(line) as readonly BenchFigure[];
}

function commandOf(bench: BenchCase, runtime: FoundRuntime): string[] {
  const command = commandFor(runtime, "bench/one.ts", [bench.name]);
  if (bench.collectable !== true || runtime.name === "bun") return command;
  // Behind the program and, for Deno, its "run".
  if (runtime.name === "deno") return command.toSpliced(2, 0, "--v8-flags=--expose-gc");
  return command.toSpliced(1, 0, "--expose-gc");
}

function figuresOf(
  bench: BenchCase,
  runtime: RuntimeName,
  rounds: readonly (readonly BenchFigure[])[],
  measuredPeer: { readonly peer: string; readonly peerValue: number } | undefined,
): Figure[] {
  return (rounds[0] ?? []).map(({ name, unit, peer }, i) => {
    const all = rounds.map((figures) => figures[i] as BenchFigure);
    const value = median(all.map((figure) => figure.value));
    const together = peer === undefined
      ? undefined
      : { peer, peerValue: median(all.map((figure) => figure.peerValue as number)) };
    const base = {
      name: name === "" ? bench.name : `${bench.name}/${name}`,
      runtime,
      value: rounded(value),
      unit,
    };
    const beside = together ?? measuredPeer;
    if (beside === undefined) return base;
    const ratio = rounded(value / beside.peerValue);
    return { ...base, peer: beside.peer, peerValue: rounded(beside.peerValue), ratio };
  });
}

/** Four digits say all that such a measurement knows. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function row(figure: Figure): string {
  const own = `${figure.name.padEnd(38)} ${figure.runtime.padEnd(5)} ${shown(figure.value)}`;
  const line = `${own} ${figure.unit.padEnd(12)}`;
  if (figure.peer === undefined) return line.trimEnd();
  return `${line} ${figure.peer} ${shown(figure.peerValue ?? 0)}  ratio ${figure.ratio}`;
}

function shown(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 4 }).padStart(16);
}

process.exitCode = await main();
