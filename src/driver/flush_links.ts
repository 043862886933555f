/** @module */

import type { Millis } from "../core/machine.ts";
import type { LinkView } from "../core/replication/contract.ts";
import type { Clock } from "../ports/clock.ts";

const POLL_MS = 20;

/** Waits until every link has had everything acknowledged; `false` when that took longer than `timeoutMs`. */
export async function flushLinks(
  links: () => readonly LinkView[],
  clock: Clock,
  timeoutMs: Millis = 5_000,
): Promise<boolean> {
  const deadline = clock.now() + timeoutMs;
  for (;;) {
    if (links().every(({ dirty, inFlight }) => dirty === 0 && inFlight === 0)) return true;
    if (clock.now() >= deadline) return false;
    await new Promise<void>((resolve) => clock.alarm(clock.now() + POLL_MS, resolve));
  }
}
