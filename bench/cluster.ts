/**
 * Real clusters on loopback, ours and all-Go in turns: joins and deaths.
 *
 * @module
 */

import { goSkipReason } from "../tests/interop/go_build.ts";
import { GoProcess } from "../tests/interop/go_process.ts";
import type { BenchFigure } from "./cases.ts";
import {
  goTimedNodes,
  ourTimedNodes,
  quantile,
  timeCluster,
  type TimedNode,
  type Timings,
} from "./cluster_timing.ts";

/** The node that joins and dies included. */
const NODES = 10;
/** Clusters that stand beside each other. Each needs well below a percent of a core, so they do not disturb. */
const LANES = 10;
const ROUNDS = 5;
/** How often the two kinds take turns. */
const TURNS = 2;

type Start = (name: string) => Promise<TimedNode>;

/** Median and p99 of 100 joins and 100 kills of each kind. */
export async function joinAndDetect(preset: "local" | "lan"): Promise<readonly BenchFigure[]> {
  const ours: Timings[] = [];
  const theirs: Timings[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    if (goSkipReason() === false) {
      await using shared = await GoProcess.start();
      theirs.push(await timeLanes(goTimedNodes({ preset }, shared)));
    }
    ours.push(await timeLanes(ourTimedNodes({ profile: preset })));
  }
  return (["join", "detect"] as const).flatMap((what) =>
    ([["median", 0.5], ["p99", 0.99]] as const).map(([name, share]): BenchFigure => {
      const of = (all: readonly Timings[]) =>
        quantile(all.flatMap((each) => each[`${what}Ms`]), share);
      const figure = { name: `${what}-${name}`, unit: "ms", value: of(ours) };
      return theirs.length === 0 ? figure : { ...figure, peer: "go", peerValue: of(theirs) };
    })
  );
}

async function timeLanes(start: Start): Promise<Timings> {
  const lanes = await Promise.all(Array.from({ length: LANES }, (_, lane) =>
    timeCluster({
      start: (name) => start(`lane-${lane}-${name}`),
      nodes: NODES,
      rounds: ROUNDS,
    })));
  return {
    joinMs: lanes.flatMap(({ joinMs }) => joinMs),
    detectMs: lanes.flatMap(({ detectMs }) => detectMs),
  };
}
