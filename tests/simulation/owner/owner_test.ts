import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { runOwner } from "./run_owner.ts";

/** More with OWNER_SEEDS, from OWNER_FIRST_SEED on; the deep task takes 2,000 fresh ones. */
const SEEDS = Number(process.env["OWNER_SEEDS"] ?? 200);
const FIRST = Number(process.env["OWNER_FIRST_SEED"] ?? 0);
/** Seeds in one test. */
const CHUNK = 50;

describe("owner", () => {
  for (let first = FIRST; first < FIRST + SEEDS; first += CHUNK) {
    it(`never admits beyond the limit and loses no count, from seed ${first}`, () => {
      let admitted = 0;
      let refused = 0;
      const end = Math.min(first + CHUNK, FIRST + SEEDS);
      for (let seed = first; seed < end; seed++) {
        const result = runOwner(seed);
        assert.equal(result.violation, undefined, `seed ${seed}: ${result.violation}`);
        admitted += result.admitted;
        refused += result.refused;
      }
      // A single seed is a replay.
      if (end - first < CHUNK) return;
      // A cluster that admits nothing breaks no cap, and one that refuses nothing was never near it.
      assert.ok(admitted > 50 * (end - first), `only ${admitted} calls were admitted`);
      assert.ok(refused > 50 * (end - first), `only ${refused} calls were refused`);
    });
  }

  it("replays from its seed", () => {
    assert.deepEqual(runOwner(7), runOwner(7));
    assert.notEqual(runOwner(7).digest, runOwner(8).digest);
  });
});
