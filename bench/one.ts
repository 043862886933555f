/**
 * Runs one case of the registry in this process and prints its figures as one line of JSON.
 *
 * @module
 */

import process from "node:process";
import { type BenchFigure, cases } from "./cases.ts";

const name = process.argv[2];
const found = cases.find((each) => each.name === name);
if (found === undefined) {
  throw new RangeError(`Cannot measure ${JSON.stringify(name)}: bench/cases.ts has no such case`);
}
const outcome = await found.run();
const figures: readonly BenchFigure[] = typeof outcome === "number"
  ? [{ name: "", unit: found.unit, value: outcome }]
  : "value" in outcome
  ? [{ name: "", unit: found.unit, ...outcome }]
  : outcome;
console.log(JSON.stringify(figures));
process.exit(0);
