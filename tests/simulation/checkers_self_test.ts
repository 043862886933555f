import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { simulate, type Simulation } from "../../src/testing/simulation/simulation.ts";
import { type PlantedBug, plantedBugs } from "./planted_bugs.ts";

function play(bug: PlantedBug, isPlanted: boolean): Simulation {
  const sim = simulate({
    seed: 7,
    nodes: bug.nodes ?? 4,
    defaults: {
      ...bug.common,
      ...(isPlanted ? { ...bug.options, plants: bug.plants?.() ?? {} } : {}),
    },
    ...(bug.node === undefined ? {} : { node: bug.node }),
  });
  bug.play(sim);
  return sim;
}

describe("the checkers", () => {
  const bugs = plantedBugs();

  for (const bug of bugs) {
    it(`see ${bug.bug}: ${bug.invariant}`, () => {
      const names = new Set(play(bug, true).violations.map(({ invariant }) => invariant));
      assert.ok(names.has(bug.invariant), `seen was ${[...names].join(", ") || "nothing"}`);
    });

    it(`see nothing without ${bug.bug}`, () => {
      assert.deepEqual(play(bug, false).violations, []);
    });
  }

  it("have a planted bug for every invariant", () => {
    const planted = new Set(bugs.map(({ invariant }) => invariant));
    const { invariants } = simulate({ seed: 1, nodes: 2 });
    assert.deepEqual(invariants.filter((name) => !planted.has(name)), []);
  });
});
