import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PLANTED_VARIANTS } from "./plants.ts";
import { runLeased } from "./run_leased.ts";

describe("the checker of leased limits", () => {
  for (const { name, seed: known, withinSeeds, make } of PLANTED_VARIANTS) {
    it(`sees ${name}`, () => {
      // The seed that showed it last time; a change of anything may have moved it.
      let violation = runLeased(known, { plant: make() }).violation;
      for (let seed = 0; seed < withinSeeds && violation === undefined; seed++) {
        violation = runLeased(seed, { plant: make() }).violation;
      }
      assert.match(violation ?? "nothing", /admitted \d+ of .+: \d+ of \d+ in window/);
    });
  }
});
