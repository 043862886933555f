/**
 * Makes a runtime, arms a distant alarm, listens for signals, and has nothing more to do.
 *
 * @module
 */

import process from "node:process";
import { runtimeUnderTest } from "../runtime_under_test.ts";

const { clock, signals } = await runtimeUnderTest();
clock.alarm(clock.now() + 3_600_000, () => process.exit(1));
signals.onStop(() => {});
process.stdout.write("idle\n");
