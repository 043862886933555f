/**
 * A healthy cluster whose callers ask for more than there is, and whose root dies once: how much of the cap is admitted
 * all the same.
 *
 * @module
 */

import { ownerOf } from "../../../src/core/limits/rendezvous.ts";
import { Rng } from "../../../src/core/rng.ts";
import { EPOCH_MS, type SimNode } from "./sim_node.ts";
import { Simulation } from "./simulation.ts";

/** What came of it. */
export interface CrashResult {
  readonly seed: number;
  readonly nodes: number;
  /** Admitted of the cap in the window of the crash. */
  readonly ratio: number;
  readonly violation: string | undefined;
}

/** One crash of the root at a random instant of a window, with demand on all nodes or on a few. */
export function runCrash(seed: number): CrashResult {
  const dice = new Rng(seed ^ 0xc4a5);
  const nodes = 3 + dice.below(7);
  const windowMs = 40_000;
  const amountMax = 1 + dice.below(10);
  // The guarantee is for limits above 10 x nodes x the usual request.
  const cap = Math.floor(10 * nodes * amountMax * dice.between(1, 20));
  const sim = new Simulation({
    seed,
    nodes,
    shards: 1,
    storageRatio: 0,
    limits: [{ cap, windowMs, span: 1 }],
    skewMaxMs: 20,
    driftMax: 0.0001,
    newsRatio: 1,
    config: { expectedNodes: nodes },
  });
  sim.quality = { loss: 0.001, doubled: 0.001, delayMs: [0.2, dice.between(1, 20)] };
  const startMs = windowMs - EPOCH_MS % windowMs;
  sim.runFor(startMs + windowMs - sim.now);
  const order = Math.floor((EPOCH_MS + sim.now + 1) / windowMs);
  const root = sim.nodes.find(({ name }) =>
    name === ownerOf(0, sim.nodes.map((each) => each.name))
  ) as SimNode;
  // Those who survive ask for 1.15 to 4 times the cap, evenly over the window.
  const wanted = cap * dice.between(1.15, 4) * nodes / (nodes - 1);
  const callers = dice.chance(0.3)
    ? sim.nodes.filter((each) => each !== root).slice(0, 2)
    : sim.nodes;
  const perCallMs = windowMs / (wanted / callers.length / ((amountMax + 1) / 2));
  for (const node of callers) call(sim, dice, node, amountMax, perCallMs);
  sim.in(dice.between(0, windowMs * 0.7), () => {
    root.crash(true);
    if (dice.chance(0.5)) sim.in(dice.between(100, 5_000), () => root.start());
  });
  sim.runFor(windowMs);
  const reserved = sim.limits[0]?.reserved.get(order) ?? 0;
  return { seed, nodes, ratio: reserved / cap, violation: sim.violation };
}

function call(sim: Simulation, dice: Rng, node: SimNode, amountMax: number, everyMs: number): void {
  sim.in(everyMs * dice.between(0.5, 1.5), () => {
    if (node.isUp) sim.consume(node, 0, 1 + dice.below(amountMax), false);
    call(sim, dice, node, amountMax, everyMs);
  });
}
