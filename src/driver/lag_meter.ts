/**
 * Measures how late the event loop is.
 *
 * @module
 */

import type { Millis } from "../core/machine.ts";
import type { Clock } from "../ports/clock.ts";

/** A running measurement. */
export interface LagMeter {
  /** How late the loop is at this instant, 0 when not noticeably: what waited for it has waited up to so long. */
  overdueMs(): Millis;
  /** Ends it. */
  stop(): void;
}

/** Sets an alarm every `everyMs` and reports each lateness above `thresholdMs`. */
export function meterLag(
  clock: Clock,
  report: (lagMs: Millis) => void,
  { everyMs = 100, thresholdMs = 50 }: {
    readonly everyMs?: Millis;
    readonly thresholdMs?: Millis;
  } = {},
): LagMeter {
  let due = 0;
  let disarm: () => void = () => {};
  const overdueMs = (): Millis => {
    const lateMs = clock.now() - due;
    return lateMs > thresholdMs ? lateMs : 0;
  };
  const arm = (): void => {
    due = clock.now() + everyMs;
    disarm = clock.alarm(due, () => {
      const lagMs = overdueMs();
      arm();
      if (lagMs > 0) report(lagMs);
    });
  };
  arm();
  return { overdueMs, stop: () => disarm() };
}
