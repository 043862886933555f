/**
 * Runs one case of the registry in this process and prints its outcome as one line of JSON.
 *
 * @module
 */

import process from "node:process";
import { cases } from "./cases.ts";

const name = process.argv[2];
const found = cases.find((each) => each.name === name);
if (found === undefined) {
  throw new RangeError(`Cannot measure ${JSON.stringify(name)}: bench/cases.ts has no such case`);
}
const outcome = await found.run();
console.log(JSON.stringify(typeof outcome === "number" ? { value: outcome } : outcome));
process.exit(0);
