/** @module */

import type { Clock, Millis } from "../../mod.ts";

/**
 * Runs `work` with a signal that aborts with the first of `signals`, or with `reason()` after `ms`, and rejects as soon
 * as it does. Leaves no listener behind, which `AbortSignal.any` does on signals that live long.
 */
export async function within<T>(
  clock: Clock,
  ms: Millis,
  signals: readonly AbortSignal[],
  reason: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const disarm = clock.alarm(clock.now() + ms, () => limit.abort(reason()));
  const onAbort = (): void => limit.abort(signals.find(({ aborted }) => aborted)?.reason);
  for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signals.some(({ aborted }) => aborted)) onAbort();
    limit.signal.throwIfAborted();
    return await orAbort(work(limit.signal), limit.signal);
  } finally {
    disarm();
    for (const signal of signals) signal.removeEventListener("abort", onAbort);
  }
}

/** What `work` comes to, or the reason of the first of `signals`, whichever is first. */
export function orAbort<T>(work: Promise<T>, ...signals: readonly AbortSignal[]): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signals.find(({ aborted }) => aborted)?.reason);
    const settle = (then: () => void): void => {
      for (const signal of signals) signal.removeEventListener("abort", onAbort);
      then();
    };
    for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true });
    work.then((value) => settle(() => resolve(value)), (error) => settle(() => reject(error)));
    if (signals.some(({ aborted }) => aborted)) onAbort();
  });
}

/** Resolves after `ms`; rejects with the reason of the first of `signals` that aborts before. */
export async function pause(
  clock: Clock,
  ms: Millis,
  ...signals: readonly AbortSignal[]
): Promise<void> {
  let disarm = (): void => {};
  const elapsed = new Promise<void>((resolve) => {
    disarm = clock.alarm(clock.now() + ms, resolve);
  });
  try {
    await orAbort(elapsed, ...signals);
  } finally {
    disarm();
  }
}
