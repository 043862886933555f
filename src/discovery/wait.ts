/** @module */

import type { Millis } from "../core/machine.ts";
import type { Clock } from "../ports/clock.ts";

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function wait(clock: Clock, ms: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const settle = (): void => {
      disarm();
      signal.removeEventListener("abort", settle);
      resolve();
    };
    const disarm = clock.alarm(clock.now() + ms, settle);
    signal.addEventListener("abort", settle, { once: true });
  });
}

/** Aborts by itself after `ms`, or as soon as `signal` does; `release` forgets both. */
export function deadline(
  clock: Clock,
  ms: Millis,
  signal: AbortSignal,
): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const disarm = clock.alarm(clock.now() + ms, abort);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    release: () => {
      disarm();
      signal.removeEventListener("abort", abort);
    },
  };
}
