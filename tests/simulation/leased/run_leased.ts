/**
 * A random life of a cluster with `leased` limits, all of it from one seed.
 *
 * @module
 */

import type { LeasedConfig } from "../../../src/core/limits/leased/contract.ts";
import { LEASED_RULES } from "../../../src/core/limits/leased/rules.ts";
import type { Right } from "../../../src/core/limits/leased/right.ts";
import { Rng } from "../../../src/core/rng.ts";
import { type Plant, Simulation, type SimulationOptions } from "./simulation.ts";
import { EPOCH_MS, type SimNode } from "./sim_node.ts";

/** How a run is bent. */
export interface RunOptions {
  /** Without it, some runs end in a calm in which the limits must be usable again. */
  readonly plant?: Plant;
  readonly trace?: (line: string) => void;
}

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  /** What was wrong; `undefined`: nothing. */
  readonly violation: string | undefined;
  readonly nodes: number;
  readonly simulatedMs: number;
  readonly admitted: number;
  readonly refused: number;
  readonly messages: number;
  /** Windows of which at least nine tenths were admitted. */
  readonly full: number;
  readonly windows: number;
}

/** Runs one seed to its end, or to the first violation. */
export function runLeased(seed: number, options: RunOptions = {}): RunResult {
  const dice = new Rng(seed ^ 0x1ea5ed);
  const run = new RandomLife(dice, seed, options);
  run.live();
  const { sim } = run;
  return {
    seed,
    violation: sim.violation,
    nodes: sim.nodes.length,
    simulatedMs: sim.now,
    admitted: sim.admitted,
    refused: sim.refused,
    messages: sim.messages,
    ...sim.fill(),
  };
}

/** The machines' numbers are small enough for storms to outlast them. */
function configOf(dice: Rng, nodes: number): Partial<LeasedConfig> {
  return {
    ttlMs: dice.between(1_000, 6_000),
    retryMs: dice.between(100, 300),
    backOffMs: dice.between(200, 600),
    patienceMs: 1_000,
    itemsMax: dice.chance(0.2) ? 1 : 64,
    expectedNodes: nodes,
  };
}

function optionsOf(dice: Rng, seed: number, { plant, trace }: RunOptions): SimulationOptions {
  const nodes = 3 + dice.below(dice.chance(0.4) ? 7 : 3);
  const limits = Array.from({ length: 1 + dice.below(3) }, () => {
    const isRolling = dice.chance(0.2);
    return {
      cap: 40 + dice.below(dice.chance(0.2) ? 1_000 : 200),
      windowMs: isRolling ? dice.between(900, 2_500) : dice.between(3_000, 20_000),
      span: isRolling ? 8 : 1,
    };
  }).map((limit) => ({ ...limit, windowMs: Math.floor(limit.windowMs) }));
  return {
    seed,
    nodes,
    shards: dice.chance(0.2) ? 2 : 1,
    storageRatio: dice.chance(0.4) ? dice.unit() : 0,
    limits,
    skewMaxMs: dice.chance(0.3) ? dice.between(0, 3_000) : dice.between(0, 20),
    driftMax: dice.chance(0.3) ? 0.01 : 0.0002,
    newsRatio: dice.chance(0.4) ? 0.03 : 1,
    config: configOf(dice, nodes),
    rules: plant?.rules === undefined ? undefined : { ...LEASED_RULES, ...plant.rules },
    plant,
    trace,
  };
}

/** Until the cluster has found itself after a storm: members, office, lists. */
const CALM_MS = 10_000;

/** Of small caps, wholes are left over in many hands; of short sub-windows, what comes back too late for them. */
const USED_RATIO = 0.75;
const RING_USED_RATIO = 0.6;

/** What happens in a life, and how often. */
interface Life {
  /** Of cuts, heals, crashes, restarts, replacements, noise, definitions, stalls, clock steps, goodbyes, deploys. */
  readonly weights: readonly number[];
  readonly pauseMs: number;
}

/**
 * A storm of everything; a bad network alone; splits alone, longer than any timeout; comings and goings alone;
 * comings and goings during splits; many definitions.
 */
const LIVES: readonly Life[] = [
  { weights: [22, 16, 18, 18, 12, 6, 8, 6, 3, 4, 8], pauseMs: 4_000 },
  { weights: [0, 5, 0, 10, 0, 20, 10, 4, 3, 0, 0], pauseMs: 4_000 },
  { weights: [22, 8, 3, 10, 3, 3, 1, 3, 1, 0, 0], pauseMs: 10_000 },
  { weights: [1, 20, 10, 20, 15, 5, 1, 2, 1, 6, 10], pauseMs: 3_000 },
  { weights: [15, 6, 8, 10, 25, 2, 0, 2, 0, 6, 12], pauseMs: 5_000 },
  { weights: [10, 10, 8, 12, 2, 3, 30, 3, 1, 0, 2], pauseMs: 3_000 },
];

class RandomLife {
  readonly sim: Simulation;
  readonly #dice: Rng;
  readonly #size: number;
  readonly #loadMs: number;
  readonly #amountMax: number;
  /** How often each thing happens in this life. */
  readonly #weights: readonly number[];
  readonly #pauseMs: number;
  #isCalm = false;

  constructor(dice: Rng, seed: number, options: RunOptions) {
    this.#dice = dice;
    const made = optionsOf(dice, seed, options);
    this.sim = new Simulation(made);
    this.#size = made.nodes;
    // Some have few callers who ask for much: their rows rest while lists change.
    const isQuiet = dice.chance(0.2);
    this.#loadMs = isQuiet ? dice.between(500, 3_000) : dice.between(40, 300);
    const kind = LIVES[dice.below(LIVES.length)] as Life;
    this.#weights = kind.weights.map((weight) => weight * (dice.chance(0.25) ? 0 : dice.unit()));
    this.#pauseMs = dice.between(400, kind.pauseMs);
    this.#amountMax = isQuiet || dice.chance(0.3) ? 60 : 8;
    for (const node of this.sim.nodes) this.#load(node);
  }

  /** A storm, and calm: in the calm, rights must be had again. */
  live(): void {
    const { sim } = this;
    const dice = this.#dice;
    sim.runFor(dice.between(0, 4_000));
    if (dice.chance(0.8)) this.#disturb();
    const end = sim.now + dice.between(8_000, 30_000);
    while (sim.now < end && sim.violation === undefined) {
      this.#act();
      sim.runFor(dice.between(0, dice.chance(0.1) ? 8_000 : this.#pauseMs));
    }
    sim.runFor(2_000);
    if (dice.chance(0.25) && sim.options.plant === undefined) this.#calm();
  }

  /** Nothing is wrong any more: soon every limit can be used up again. */
  #calm(): void {
    const { sim } = this;
    sim.trace("calm");
    this.#isCalm = true;
    sim.cuts.clear();
    sim.quality = { loss: 0, doubled: 0, delayMs: [0.2, 5] };
    sim.newsRatio = 1;
    for (const node of sim.nodes) {
      node.skewMs /= 1_000;
      node.blockedUntil = 0;
      this.#start(node);
    }
    const { skewMaxMs } = sim.options;
    for (const node of sim.nodes) this.#hammer(node);
    sim.runFor(CALM_MS + skewMaxMs);
    const started = sim.limits.map(({ windowMs }) => Math.ceil((EPOCH_MS + sim.now) / windowMs));
    sim.runFor(2 * Math.max(...sim.limits.map(({ windowMs, span }) => windowMs * span)));
    // A list may have named voters that were gone already: then nobody can help it but an operator.
    if (!sim.mayForget([])) return;
    sim.limits.forEach((truth, index) => {
      const order = (started[index] as number) + truth.span - 1;
      const admitted = truth.inRing(order) + truth.inRing(order, truth.beside);
      // A definition may have died with the only node that knew it; voters may know its cap still.
      const known = sim.nodes.filter((node) => node.isUp).map((node) => node.known[index] ?? 0);
      const cap = Math.min(...truth.versions.slice(Math.max(...known)).map((each) => each.cap));
      if (admitted < (truth.span === 1 ? USED_RATIO : RING_USED_RATIO) * cap) {
        sim.violate(`in the calm only ${admitted} of ${cap} were admitted of ${truth.key}`);
      }
    });
  }

  /** Callers of one node ask, as long as it is there. */
  #load(node: SimNode): void {
    const { sim } = this;
    const dice = this.#dice;
    // Callers come in bursts: in between, rights lie idle and are given back.
    const waitMs = dice.between(0, this.#loadMs) + (dice.chance(0.02) ? dice.between(0, 6_000) : 0);
    sim.in(waitMs, () => {
      if (node.isGone) return;
      node.run(() => {
        const index = dice.below(sim.limits.length);
        for (let i = dice.below(8); i >= 0; i--) this.#call(node, index);
      });
      this.#load(node);
    });
  }

  /** Asks for one unit of everything, over and over. */
  #hammer(node: SimNode): void {
    const { sim } = this;
    sim.in(this.#dice.between(20, 80), () => {
      node.run(() =>
        sim.limits.forEach(({ newest }, index) => {
          sim.consume(node, index, 1 + Math.floor(newest.cap / 100), false);
        })
      );
      if (!node.isGone) this.#hammer(node);
    });
  }

  #call(node: SimNode, index: number): void {
    const { sim } = this;
    const dice = this.#dice;
    const amount = 1 + dice.below(this.#amountMax);
    // What is set aside and not needed after all may come back too late: not in the calm.
    const isReservation = !this.#isCalm && dice.chance(0.2);
    const { boot } = node;
    const right = sim.consume(node, index, amount, isReservation);
    if (right === undefined) return;
    if (isReservation) {
      sim.in(dice.between(0, dice.chance(0.2) ? 15_000 : 800), () => {
        if (node.boot === boot) node.run(() => this.#settle(node, index, right, amount));
      });
    } else if (!this.#isCalm && dice.chance(0.05)) {
      sim.in(dice.between(0, 3_000), () => {
        if (node.boot === boot) node.run(() => this.#refund(node, index, right, amount));
      });
    }
  }

  #settle(node: SimNode, index: number, right: Right, estimate: number): void {
    const dice = this.#dice;
    const isOver = dice.chance(0.1);
    const actual = isOver ? estimate + dice.below(estimate) : dice.below(estimate + 1);
    const limit = this.#limit(node, index);
    if (limit === undefined) return;
    if (actual < estimate) this.sim.uncount(index, right, estimate - actual);
    else this.sim.limits[index]?.countBeside(right.window.order, actual - estimate);
    limit.settle(right, estimate, actual, node.mono);
    node.wake();
  }

  #refund(node: SimNode, index: number, right: Right, amount: number): void {
    const limit = this.#limit(node, index);
    if (limit === undefined || !limit.refund(right, amount, node.mono)) return;
    this.sim.uncount(index, right, amount);
  }

  #limit(node: SimNode, index: number) {
    const key = this.sim.limits[index]?.key;
    return key === undefined ? undefined : node.leased?.limit(key);
  }

  #act(): void {
    const things = [
      () => this.#cut(),
      () => this.#heal(),
      () => this.#crash(),
      () => this.#restart(),
      () => this.#replace(),
      () => this.#disturb(),
      () => this.#define(),
      () => this.#stall(),
      () => this.#step(),
      () => this.#leave(),
      () => this.#deploy(),
    ];
    let point = this.#dice.unit() * this.#weights.reduce((sum, weight) => sum + weight, 0);
    things.find((_, index) => (point -= this.#weights[index] ?? 0) < 0)?.();
  }

  #heal(): void {
    this.sim.cuts.clear();
    this.sim.trace("heal");
  }

  #cut(): void {
    const { sim } = this;
    const dice = this.#dice;
    const groups = new Map(
      sim.nodes.map(({ name }) => [name, dice.below(dice.chance(0.2) ? 3 : 2)]),
    );
    const isOneWay = dice.chance(0.3);
    if (dice.chance(0.5)) sim.cuts.clear();
    for (const a of sim.nodes) {
      for (const b of sim.nodes) {
        const from = groups.get(a.name) as number;
        const to = groups.get(b.name) as number;
        if (isOneWay ? from < to : from !== to) sim.cuts.add(`${a.name}>${b.name}`);
      }
    }
    sim.trace(`cut ${isOneWay ? "one way " : ""}${[...groups].map((each) => each.join(":"))}`);
  }

  #crash(): void {
    const { sim } = this;
    const dice = this.#dice;
    const node = this.#pick((each) => each.isUp);
    if (node === undefined) return;
    const andStorage = !node.hasStorage || dice.chance(0.1);
    if (andStorage && !sim.mayForget([node])) return;
    sim.trace(`crash ${node.name}`);
    node.crash(andStorage);
    if (dice.chance(0.5)) sim.in(dice.between(0, 3_000), () => this.#start(node));
  }

  #restart(): void {
    const node = this.#pick((each) => !each.isUp && !each.isGone);
    if (node !== undefined) this.#start(node);
  }

  #start(node: SimNode): void {
    if (node.isUp || node.isGone) return;
    this.sim.trace(`start ${node.name}`);
    node.start();
  }

  /** A machine goes for good and a new one comes, as pods do. */
  #replace(): void {
    const { sim } = this;
    const node = this.#pick((each) => !each.isGone);
    if (node === undefined) return;
    const isNeeded = !node.isUp && !node.hasStorage;
    if (!isNeeded && !sim.mayForget([node])) return;
    sim.trace(`replace ${node.name}`);
    node.crash(true);
    node.isGone = true;
    this.#join();
  }

  #join(): void {
    const node = this.sim.add();
    if (this.#isCalm) {
      node.skewMs = 0;
      this.#hammer(node);
    }
    this.#load(node);
  }

  /** Every node is restarted or replaced, one after the other, each as soon as the assumption allows it. */
  #deploy(): void {
    const { sim } = this;
    const dice = this.#dice;
    const queue = sim.nodes.filter((each) => each.isUp && !each.isLeaving);
    const isReplacing = dice.chance(0.5);
    const paceMs = dice.between(50, 1_500);
    sim.trace("deploy");
    const next = () => {
      const node = queue[0];
      if (node === undefined || this.#isCalm) return;
      sim.in(dice.between(20, paceMs), next);
      if (!node.isUp) return void queue.shift();
      if (!sim.mayForget([node])) return;
      queue.shift();
      sim.trace(`deploy ${node.name}`);
      node.crash(!node.hasStorage || isReplacing);
      if (!isReplacing) return sim.in(dice.between(5, 400), () => this.#start(node));
      node.isGone = true;
      this.#join();
    };
    next();
  }

  /** A node says goodbye, and stops when nobody needs it any more or it has waited long enough. */
  #leave(): void {
    const { sim } = this;
    const node = this.#pick((each) => each.isUp && !each.isLeaving);
    const staying = sim.nodes.filter((each) => each.isUp && !each.isLeaving);
    if (node === undefined || staying.length <= 2) return;
    sim.trace(`leave ${node.name}`);
    node.isLeaving = true;
    node.tellMembers();
    node.hand({ type: "leave" });
    const { boot } = node;
    const until = sim.now + 15_000;
    const look = () => {
      if (node.boot !== boot || !node.isUp) return;
      const isDone = node.leased?.isDrained || sim.now > until;
      if (!isDone || !sim.mayForget([node])) return sim.in(200, look);
      sim.trace(`left ${node.name}`);
      node.hasLeft = true;
      node.isGone = true;
      node.crash(true);
      if (sim.nodes.filter((each) => !each.isGone).length < this.#size) this.#join();
    };
    sim.in(200, look);
  }

  #disturb(): void {
    const dice = this.#dice;
    const least = dice.between(0, 10);
    this.sim.quality = {
      loss: dice.chance(0.6) ? dice.between(0, 0.4) : 0,
      doubled: dice.chance(0.6) ? dice.between(0, 0.5) : 0,
      delayMs: [least, least + (dice.chance(0.3) ? dice.between(0, 1_500) : dice.between(0, 60))],
    };
  }

  #define(): void {
    const { sim } = this;
    const dice = this.#dice;
    const index = dice.below(sim.limits.length);
    const truth = sim.limits[index];
    const node = this.#pick((each) => each.isUp);
    if (truth === undefined || node === undefined) return;
    const cap = Math.max(20, Math.floor(truth.newest.cap * dice.between(0.2, 2)));
    truth.define(cap, sim.now);
    sim.trace(`${truth.key} is ${cap} on ${node.name}`);
    node.learn(index, truth.versions.length - 1);
  }

  #stall(): void {
    const node = this.#pick((each) => each.isUp);
    if (node === undefined) return;
    const ms = this.#dice.between(50, 8_000);
    this.sim.trace(`stall ${node.name} ${ms.toFixed(0)}`);
    node.blockedUntil = this.sim.now + ms;
  }

  #step(): void {
    const node = this.#pick((each) => each.isUp);
    const { skewMaxMs } = this.sim.options;
    if (node !== undefined) node.skewMs = this.#dice.between(-skewMaxMs, skewMaxMs);
  }

  #pick(able: (node: SimNode) => boolean): SimNode | undefined {
    const nodes = this.sim.nodes.filter(able);
    return nodes[this.#dice.below(nodes.length)];
  }
}
