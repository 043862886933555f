/**
 * A runtime for tests that await what a node's alarms bring about.
 *
 * @module
 */

import type { Runtime } from "../mod.ts";
import { runtimeUnderTest } from "./runtime_under_test.ts";

/**
 * The runtime under test with alarms that keep the process alive. The real ones do not, and a runner may end while a
 * test waits for nothing else: "Promise resolution is still pending".
 */
export async function wakefulRuntime(): Promise<Runtime> {
  const runtime = await runtimeUnderTest();
  const { clock } = runtime;
  return {
    ...runtime,
    clock: {
      now: () => clock.now(),
      wall: () => clock.wall(),
      alarm(at, fire) {
        const timer = setInterval(() => {}, 2_147_483_647);
        const disarm = clock.alarm(at, () => {
          clearInterval(timer);
          fire();
        });
        return () => {
          clearInterval(timer);
          disarm();
        };
      },
    },
  };
}
