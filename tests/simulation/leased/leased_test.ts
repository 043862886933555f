import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { runCrash } from "./run_crash.ts";
import { runLeased } from "./run_leased.ts";

/** More with LEASED_SEEDS; the deep task takes 10,000 and begins where LEASED_FIRST_SEED says. */
const SEEDS = Number(process.env["LEASED_SEEDS"] ?? 300);
const FIRST = Number(process.env["LEASED_FIRST_SEED"] ?? 0);
/** Seeds in one test. */
const CHUNK = 50;

describe("leased", () => {
  for (let first = FIRST; first < FIRST + SEEDS; first += CHUNK) {
    it(`never admits beyond the cap, whatever breaks, from seed ${first}`, () => {
      let admitted = 0;
      let full = 0;
      const end = Math.min(first + CHUNK, FIRST + SEEDS);
      for (let seed = first; seed < end; seed++) {
        const result = runLeased(seed);
        assert.equal(result.violation, undefined, `seed ${seed}: ${result.violation}`);
        admitted += result.admitted;
        full += result.full;
      }
      // A single seed is a replay.
      if (end - first < CHUNK) return;
      // A cluster that admits nothing breaks no cap.
      assert.ok(admitted > 50 * (end - first), `only ${admitted} requests were admitted`);
      assert.ok(full > end - first, `only ${full} windows were used up`);
    });
  }

  it("replays from its seed", () => {
    assert.deepEqual(runLeased(7), runLeased(7));
  });

  it("admits at least 95 % of the cap in the window in which the root dies", () => {
    for (let seed = 0; seed < 40; seed++) {
      const { ratio, violation } = runCrash(seed);
      assert.equal(violation, undefined, `seed ${seed}: ${violation}`);
      assert.ok(ratio >= 0.95, `seed ${seed}: only ${ratio} of the cap was admitted`);
    }
  });
});
