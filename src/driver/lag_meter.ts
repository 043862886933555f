/**
 * Measures how late the event loop is.
 *
 * @module
 */

import type { Millis } from "../core/machine.ts";
import type { Clock } from "../ports/clock.ts";

/** Sets an alarm every `everyMs` and reports each lateness above `thresholdMs`; answers a function that stops it. */
export function meterLag(
  clock: Clock,
  report: (lagMs: Millis) => void,
  { everyMs = 100, thresholdMs = 50 }: {
    readonly everyMs?: Millis;
    readonly thresholdMs?: Millis;
  } = {},
): () => void {
  let disarm: () => void = () => {};
  const arm = (): void => {
    const due = clock.now() + everyMs;
    disarm = clock.alarm(due, () => {
      const lagMs = clock.now() - due;
      if (lagMs > thresholdMs) report(lagMs);
      arm();
    });
  };
  arm();
  return () => disarm();
}
