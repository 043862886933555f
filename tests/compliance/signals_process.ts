/**
 * Runs the signal cases in a process of its own: `deno test` takes SIGINT for itself.
 *
 * @module
 */

import process from "node:process";
import { signalsCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";

const { signals } = await runtimeUnderTest();
const raise = (signal: "SIGTERM" | "SIGINT"): void => void process.kill(process.pid, signal);
const cases = signalsCases({ signals, raise });
for (const { run } of cases) await run();
process.stdout.write(`${cases.length} held\n`);
