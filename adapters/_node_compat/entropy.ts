/** @module */

import { randomFillSync } from "node:crypto";
import type { Entropy } from "../../mod.ts";

/** Randomness from the operating system, by way of `node:crypto`. */
export function nodeEntropy(): Entropy {
  return {
    seed: () => randomFillSync(new Uint32Array(1))[0] as number,
    bytes: (count) => randomFillSync(new Uint8Array(count)),
  };
}
