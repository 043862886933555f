/**
 * A cluster's random life: storms of faults, crashes, pauses, skews and writes, each followed by a calm in which the
 * cluster must become one again. All of it follows from one seed.
 *
 * @module
 */

import type { Millis } from "../../core/machine.ts";
import { Rng } from "../../core/rng.ts";
import type { Violation } from "./checker.ts";
import type { NetworkFaults } from "./faults.ts";
import type { SimNodeOptions } from "./node_options.ts";
import { simulate, type Simulation } from "./simulation.ts";
import type { SimNode } from "./sim_node.ts";

/** What to run. */
export interface RandomRunOptions {
  /** Replays the run exactly. */
  readonly seed: number;
  /** How many nodes; drawn from 3 to 9 when left out. */
  readonly nodes?: number;
  /** Simulated hours, at least; the last calm is finished. */
  readonly hours: number;
  /** What all nodes have in common. */
  readonly defaults?: SimNodeOptions;
  /** Hears what is done to the cluster, line by line. */
  readonly trace?: (line: string) => void;
}

/** What came of it. */
export interface RandomRunResult {
  /** Replays the run exactly. */
  readonly seed: number;
  /** How many there were. */
  readonly nodes: number;
  /** How much time was played. */
  readonly simulatedMs: Millis;
  /** What was broken; empty when all held. */
  readonly violations: readonly Violation[];
  /** One number for all that happened. */
  readonly hash: string;
  /** How many facts it holds. */
  readonly events: number;
  /** How long the slowest calm took to bring agreement. */
  readonly slowestMs: Millis;
}

const TYPES: readonly string[] = ["virtual_key", "budget", "provider", "pricing"];
const KEYS = 40;
const HOUR_MS = 3_600_000;

/** Runs it to the end, or to the first calm after a violation. */
export function randomRun(options: RandomRunOptions): RandomRunResult {
  const run = new RandomRun(options);
  while (run.sim.now < options.hours * HOUR_MS && run.sim.violations.length === 0) {
    run.storm();
    run.calm();
  }
  const { sim } = run;
  return {
    seed: options.seed,
    nodes: run.nodes,
    simulatedMs: sim.now,
    violations: sim.violations,
    hash: sim.hash,
    events: sim.events,
    slowestMs: run.slowestMs,
  };
}

class RandomRun {
  readonly sim: Simulation;
  readonly nodes: number;
  slowestMs: Millis = 0;
  readonly #rng: Rng;
  #values = 0;

  constructor({ seed, nodes, defaults, trace }: RandomRunOptions) {
    const rng = new Rng(seed ^ 0x5eed_5eed);
    this.#rng = rng;
    this.nodes = nodes ?? 3 + rng.below(7);
    const keys = rng.chance(0.3) ? [Uint8Array.from({ length: 16 }, () => rng.below(256))] : [];
    const label = rng.chance(0.3) ? "blue" : "";
    this.sim = simulate({
      seed,
      nodes: this.nodes,
      network: this.#fair(),
      defaults: { keys, label, ...defaults },
      node: () => ({
        region: rng.chance(0.5) ? "eu" : "us",
        skewMs: rng.chance(0.2) ? rng.between(-120_000, 120_000) : rng.between(-200, 200),
        driftPpm: rng.chance(0.2) ? rng.between(-200, 200) : 0,
      }),
      ...(trace === undefined ? {} : { trace }),
    });
  }

  /** Everything that can go wrong goes wrong for a while. */
  storm(): void {
    const rng = this.#rng;
    const end = this.sim.now + rng.between(30_000, 400_000);
    // What happens to one of many nodes is work for all of them.
    const pauseMaxMs = (rng.chance(0.3) ? 2_000 : 20_000) * Math.max(1, this.nodes / 10);
    if (rng.chance(0.7)) this.sim.faults = this.#foul();
    while (this.sim.now < end) {
      this.#act();
      this.sim.runFor(rng.between(0, pauseMaxMs));
    }
  }

  /** Nothing goes wrong any more: agreement is demanded. */
  calm(): void {
    const { sim } = this;
    const rng = this.#rng;
    sim.heal();
    sim.faults = this.#fair();
    sim.runFor(20_000);
    for (const node of sim.nodes) {
      const isReplaced = sim.nodes.some((other) => other.host === node.host && other.isUp);
      if (!node.isUp && !isReplaced && rng.chance(0.8)) sim.restart(node.index);
    }
    if (!sim.nodes.some((node) => node.isMember)) sim.restart(0);
    const began = sim.now;
    const { membershipMs, replicationMs, forgetMs } = sim.bounds;
    const boundMs = Math.max(membershipMs, replicationMs);
    while (!sim.converged() && sim.now - began < boundMs) sim.runFor(500);
    this.slowestMs = Math.max(this.slowestMs, sim.now - began);
    for (let i = rng.below(4); i > 0; i--) this.#write();
    sim.runFor(rng.chance(0.2) ? forgetMs + 5_000 : boundMs + 5_000);
    if (rng.chance(0.1)) sim.runFor(rng.between(0, 1_800_000));
  }

  #act(): void {
    const { sim } = this;
    const rng = this.#rng;
    const dice = rng.below(100);
    if (dice < 45) this.#write();
    else if (dice < 55) this.#pick((node) => sim.crash(node.index, { dark: rng.chance(0.3) }));
    else if (dice < 68) this.#restart();
    else if (dice < 75) this.#pick((node) => sim.pause(node.index, rng.between(50, 15_000)));
    else if (dice < 83) this.#cut();
    else if (dice < 90) sim.heal();
    else if (dice < 94) sim.faults = rng.chance(0.5) ? this.#foul() : this.#fair();
    else if (dice < 96) {
      this.#pick((node) => sim.skew(node.index, rng.between(-180_000, 180_000)));
    } else if (dice < 98) this.#pick((node) => sim.leave(node.index));
    else this.#replace();
  }

  #write(): void {
    const rng = this.#rng;
    for (let i = 1 + rng.below(5); i > 0; i--) {
      const type = TYPES[rng.below(TYPES.length)] as string;
      const key = `k${rng.below(KEYS)}`;
      const isDelete = rng.chance(0.25);
      const size = rng.chance(0.02) ? rng.below(120_000) : rng.below(300);
      const value = { n: ++this.#values, text: "x".repeat(size) };
      this.#pick((node) => {
        if (isDelete) this.sim.delete(node.index, type, key);
        else this.sim.set(node.index, type, key, value);
      });
    }
  }

  #restart(): void {
    const down = this.sim.nodes.filter((node) =>
      !node.isUp && !this.sim.nodes.some((other) => other.host === node.host && other.isUp)
    );
    const node = down[this.#rng.below(down.length)];
    if (node !== undefined) this.sim.restart(node.index);
  }

  /** A node goes for good and another takes its host, as a container does. */
  #replace(): void {
    this.#pick((node) => {
      this.sim.crash(node.index);
      this.sim.addNode({ host: node.host, region: node.options.region });
    });
  }

  #cut(): void {
    const rng = this.#rng;
    const indices = rng.shuffle(this.sim.nodes.map(({ index }) => index));
    const size = 1 + rng.below(indices.length - 1);
    this.sim.cut({
      from: indices.slice(0, size),
      to: indices.slice(size),
      bothWays: rng.chance(0.7),
    });
  }

  /** Does something with a node that can do something. */
  #pick(act: (node: SimNode) => void): void {
    const { now, nodes } = this.sim;
    const able = nodes.filter(({ life }) =>
      life !== undefined && !life.leaving && life.blockedUntil <= now
    );
    const node = able[this.#rng.below(able.length)];
    if (node !== undefined) act(node);
  }

  #fair(): NetworkFaults {
    const rng = this.#rng;
    return { delayMs: [rng.between(0.05, 1), rng.between(1, 40)] };
  }

  #foul(): NetworkFaults {
    const rng = this.#rng;
    const least = rng.between(0, 20);
    return {
      lossRatio: rng.chance(0.7) ? rng.between(0, 0.4) : 0,
      duplicateRatio: rng.chance(0.5) ? rng.between(0, 0.3) : 0,
      delayMs: [least, least + (rng.chance(0.3) ? rng.between(0, 2_000) : rng.between(0, 100))],
    };
  }
}
