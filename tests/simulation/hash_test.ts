import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { randomRun } from "../../src/testing/simulation/random_run.ts";
import { ROOT } from "../../tools/project.ts";

/**
 * What each seed leads to, on every runtime. A change of behaviour changes it: look whether it was meant, then write
 * the file anew with `UPDATE_TRACES=1`.
 */
const FILE = join(ROOT, "tests/simulation/traces/hashes.json");
const SEEDS = [1, 2, 3];

describe("a simulated cluster", () => {
  const runs = SEEDS.map((seed) => randomRun({ seed, hours: 0.2 }));
  const hashes = Object.fromEntries(runs.map(({ seed, hash }) => [seed, hash]));
  if (process.env["UPDATE_TRACES"] === "1") {
    writeFileSync(FILE, `${JSON.stringify(hashes, undefined, 2)}\n`);
  }

  it("does the same from the same seed on every runtime", () => {
    assert.deepEqual(hashes, JSON.parse(readFileSync(FILE, "utf8")));
  });

  it("does the same twice", () => {
    assert.equal(randomRun({ seed: 2, hours: 0.2 }).hash, hashes[2]);
  });

  it("does something else from another seed", () => {
    assert.equal(new Set(Object.values(hashes)).size, SEEDS.length);
  });

  it("breaks no invariant meanwhile", () => {
    for (const { seed, violations } of runs) assert.deepEqual(violations, [], `seed ${seed}`);
  });
});
