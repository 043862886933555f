import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { runLimits } from "./run_limits.ts";

/** More with `LIMITS_SEEDS`, from `LIMITS_FIRST_SEED` on. */
const SEEDS = Number(process.env["LIMITS_SEEDS"] ?? 150);
const FIRST = Number(process.env["LIMITS_FIRST_SEED"] ?? 1);

describe("limits in simulated clusters", () => {
  it(`keep every invariant in ${SEEDS} runs`, { timeout: 600_000 }, () => {
    let admitted = 0;
    let refused = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const run = runLimits(seed);
      admitted += run.admitted;
      refused += run.refused;
    }
    // A single seed is a replay.
    if (SEEDS < 50) return;
    // A run in which nothing is admitted or nothing refused proves nothing.
    assert.ok(admitted > SEEDS * 20, `only ${admitted} admitted`);
    assert.ok(refused > SEEDS * 20, `only ${refused} refused`);
  });

  it("replay to the last event from their seed", () => {
    assert.equal(runLimits(7).digest, runLimits(7).digest);
    assert.notEqual(runLimits(7).digest, runLimits(8).digest);
  });
});
