/**
 * Checks a file of wire vectors: `deno task test:vectors FILE`. Ends with the line `N passed, N failed`, and with
 * exit code 1 if anything failed.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { checkVectors } from "../tests/interop/check_vectors.ts";

const path = process.argv[2];
if (path === undefined) {
  console.error("Cannot check vectors: no file was named, usage: test_vectors FILE");
  process.exit(2);
}
const report = checkVectors(JSON.parse(readFileSync(path, "utf8")));
for (const [section, count] of Object.entries(report.sections)) console.log(`${section}: ${count}`);
for (const failure of report.failures) console.log(`FAILED ${failure}`);
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exitCode = report.failed === 0 ? 0 : 1;
