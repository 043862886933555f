import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type BenchCase, cases } from "../../../bench/cases.ts";
import { quantile } from "../../../bench/cluster_timing.ts";
import { wallMs } from "../../../bench/wall.ts";

/** The file and the function that a case calls, read from its source. */
function calledBy(bench: BenchCase): { readonly file: string; readonly name: string } {
  const called = /import\(\s*"\.\/([\w.]+)"\s*\)\)?\.(\w+)\(/.exec(String(bench.run));
  assert.ok(called, `${bench.name} loads its code when it runs`);
  return { file: called[1] as string, name: called[2] as string };
}

describe("the cases", () => {
  it("have names of their own", () => {
    const names = cases.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    // A name that begins another one could not be run alone.
    for (const name of names) {
      assert.deepEqual(names.filter((other) => other.startsWith(`${name}/`)), []);
    }
  });

  for (const bench of cases) {
    it(`call what exists: ${bench.name}`, async () => {
      const { file, name } = calledBy(bench);
      const module = await import(new URL(`../../../bench/${file}`, import.meta.url).href);
      assert.equal(typeof module[name], "function");
    });
  }

  it("measure: packets through the machine, replication between two", async () => {
    for (const name of ["membership/ping/handle", "replication/machine/updates"]) {
      const value = await cases.find((bench) => bench.name === name)?.run();
      assert.ok(typeof value === "number" && value > 100, `${name}: ${value}`);
    }
  });
});

describe("the tools of the cases", () => {
  it("take quantiles by nearest rank", () => {
    const samples = Array.from({ length: 100 }, (_, i) => 100 - i);
    assert.equal(quantile(samples, 0.5), 50);
    assert.equal(quantile(samples, 0.99), 99);
    assert.equal(quantile([7], 0.99), 7);
  });

  it("read a wall clock finer than milliseconds that never runs ahead", () => {
    for (let i = 0; i < 1_000; i++) {
      const fine = wallMs();
      const coarse = Date.now();
      assert.ok(fine < coarse + 1.5, `${fine} is ahead of ${coarse}`);
      assert.ok(fine > coarse - 1_000);
    }
  });
});
