import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cases } from "../../bench/cases.ts";
import { median } from "../../bench/measure.ts";

describe("the registry of benchmarks", () => {
  it("names every case once, as room/subject", () => {
    const names = cases.map((each) => each.name);
    assert.deepEqual(names.filter((name, i) => names.indexOf(name) !== i), []);
    assert.deepEqual(names.filter((name) => !/^[a-z0-9_-]+(\/[a-z0-9_.-]+)+$/.test(name)), []);
  });

  it("takes the median of rounds", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.throws(() => median([]), RangeError);
  });
});
