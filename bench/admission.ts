/**
 * Decisions of limits on one core, beside Redis.
 *
 * @module
 */

import type { ConsumeItem, LimitsEffect } from "../src/core/limits/contract.ts";
import { Limits } from "../src/core/limits/machine.ts";
import type { BenchFigure } from "./cases.ts";
import { quantile } from "./cluster_timing.ts";
import { median } from "./measure.ts";
import { redisDecisions } from "./redis_bucket.ts";

const KEYS = 10_000;
const EPOCH_MS = 1_800_000_000_000;
const UNITS = 1_000_000;
/** Decisions between two turns of the event loop, in which words go out. */
const PER_TURN = 10_000;
/** And so many more, each timed by itself. */
const TIMED_PER_TURN = 500;
const MEASURE_MS = 3_000;

/** One request of each of 10,000 `approximate` limits by turns, in a cluster of three whose peers acknowledge at once. */
export async function approximateAdmission(): Promise<readonly BenchFigure[]> {
  const node = new Approximate();
  return await besideRedis(() => node.turn(), (index) => node.decide(index));
}

class Approximate {
  readonly #limits: Limits;
  readonly #items: readonly ConsumeItem[][];
  readonly #effects: LimitsEffect[] = [];

  constructor() {
    this.#limits = new Limits({ node: "a", boot: "1", calendar: { window: () => undefined } });
    const members = ["a", "b", "c"].map((node) => ({ node, boot: "1" }));
    this.#give({ type: "wall", wallMs: EPOCH_MS + performance.now() });
    this.#give({ type: "members", members, alive: members });
    this.#give({ type: "ready" });
    this.#items = Array.from({ length: KEYS }, (_, i) => {
      const value = {
        limit: 1_000_000_000,
        window: "1d",
        strength: "approximate",
        whenIsolated: "share",
        created: `${EPOCH_MS}.0.a`,
      };
      this.#give({ type: "definition", id: `key-${i}`, value });
      return [{ limit: `key-${i}`, amount: UNITS }];
    });
  }

  decide(index: number): boolean {
    const now = performance.now();
    const items = this.#items[index] as readonly ConsumeItem[];
    return this.#limits.consume(items, now, EPOCH_MS + now).admitted;
  }

  /** What the driver does between requests: peers are in touch, words that were due are told and acknowledged. */
  turn(): number {
    const sinceMs = performance.now();
    for (const node of ["b", "c"]) {
      this.#give({ type: "inTouch", peer: { node, boot: "1" }, sinceMs });
    }
    this.#give({ type: "wall", wallMs: EPOCH_MS + performance.now() });
    let words = 0;
    for (const effect of this.#effects.splice(0)) {
      if (effect.type !== "writeCell") continue;
      words++;
      this.#give({ type: "settled", key: effect.key, word: effect.word });
    }
    return words;
  }

  #give(input: Parameters<Limits["handle"]>[0]): void {
    this.#limits.handle(input, performance.now(), this.#effects);
  }
}

async function besideRedis(
  turn: () => number,
  decide: (index: number) => boolean,
): Promise<readonly BenchFigure[]> {
  const own = measure(turn, decide);
  const redis = await redisDecisions(KEYS, MEASURE_MS);
  const peer = (peerValue: number | undefined) =>
    peerValue === undefined ? {} : { peer: "redis", peerValue };
  return [
    { name: "rate", unit: "decisions/s", value: own.perSecond, ...peer(redis?.perSecond) },
    { name: "p99", unit: "us", value: own.p99Us, ...peer(redis?.p99Us) },
    { name: "words", unit: "words/s", value: own.wordsPerSecond },
  ];
}

/**
 * Decisions per second between turns, words told per second of turns, and the delays of single decisions with the price
 * of a look at the clock. Every key changes between two words about it, so there is never more to tell.
 */
function measure(turn: () => number, decide: (index: number) => boolean) {
  const rates: number[] = [];
  const delays: number[] = [];
  let at = 0;
  let words = 0;
  let toldMs = 0;
  for (const began = performance.now(); performance.now() < began + MEASURE_MS;) {
    const from = performance.now();
    for (let i = 0; i < PER_TURN; i++) {
      if (!decide(at++ % KEYS)) throw new Error("Cannot measure: a decision refused");
    }
    const decided = performance.now();
    for (let i = 0; i < TIMED_PER_TURN; i++) {
      const asked = performance.now();
      decide(at++ % KEYS);
      delays.push(performance.now() - asked);
    }
    const turned = performance.now();
    const told = turn();
    // The first third warms.
    if (from < began + MEASURE_MS / 3) {
      delays.length = 0;
      continue;
    }
    rates.push(PER_TURN * 1_000 / (decided - from));
    words += told;
    toldMs += performance.now() - turned;
  }
  return {
    perSecond: median(rates),
    p99Us: quantile(delays, 0.99) * 1_000,
    wordsPerSecond: words * 1_000 / toldMs,
  };
}
