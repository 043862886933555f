/** @module */

import { clearTimeout, setTimeout } from "node:timers";
import type { Clock } from "../../mod.ts";

/** The longest delay a timer takes; a longer one would fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** The platform's clock: `performance.now`, `Date.now` and timers that don't keep the process alive. */
export function nodeClock(): Clock {
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    alarm(at, fire) {
      let timer: ReturnType<typeof setTimeout>;
      const arm = (): void => {
        const leftMs = Math.max(0, Math.ceil(at - performance.now()));
        timer = setTimeout(check, Math.min(leftMs, DELAY_MS_MAX));
        timer.unref();
      };
      // Timers count in whole milliseconds of a cached time and may come early by a fraction.
      const check = (): void => performance.now() < at ? arm() : fire();
      arm();
      return () => clearTimeout(timer);
    },
  };
}
