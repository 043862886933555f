/**
 * Benchmarks of the loose parts of the core.
 *
 * @module
 */

import { Rng } from "../src/core/rng.ts";
import { opsPerSecond } from "./measure.ts";

/** Numbers per second from the simulator's dice. */
export function rngU32(): number {
  const rng = new Rng(1);
  return opsPerSecond(() => {
    let sum = 0;
    for (let i = 0; i < 1_000; i++) sum ^= rng.u32();
    return sum;
  }, 1_000);
}
