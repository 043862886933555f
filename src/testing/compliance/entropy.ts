/** @module */

import type { Entropy } from "../../ports/entropy.ts";
import { casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";

/** What is judged. */
export interface EntropySetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly entropy: Entropy;
}

/** The rules of {@linkcode Entropy}; unpredictability itself can't be tested. */
export function entropyCases(setup: EntropySetup): ComplianceCase[] {
  const { entropy } = setup;
  return casesOf(setup, {
    "draws seeds of 32 bits, unsigned, that differ": (bench) => {
      const seeds = Array.from({ length: 64 }, () => entropy.seed());
      for (const seed of seeds) {
        bench.expect(seed >>> 0 === seed, `${seed} is not an unsigned 32-bit integer`);
      }
      bench.expect(new Set(seeds).size > 60, "the same seeds came again and again");
      bench.expect(seeds.some((seed) => seed > 0xffff), "none used the upper half");
    },

    "draws as many bytes as asked, none and very many too": (bench) => {
      for (const count of [0, 1, 16, 32, 65_536, 65_537, 200_000]) {
        bench.same(entropy.bytes(count).length, count, "bytes drawn");
      }
    },

    "draws other bytes each time, of all values": (bench) => {
      const [a, b] = [entropy.bytes(32), entropy.bytes(32)];
      bench.expect(a.some((byte, i) => byte !== b[i]), "two draws were the same");
      bench.expect(
        a.buffer !== b.buffer || a.byteOffset !== b.byteOffset,
        "two draws share memory",
      );
      bench.expect(new Set(entropy.bytes(100_000)).size === 256, "some byte never came");
    },
  });
}
