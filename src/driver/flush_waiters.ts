/** @module */

import { ClusterError } from "../core/errors.ts";

interface Waiter {
  readonly mark: number;
  readonly promise: Promise<void>;
  readonly settle: (error?: ClusterError) => void;
}

/** Those who wait until everything up to a mark is stored; marks count up. */
export class FlushWaiters {
  readonly #waiters: Waiter[] = [];

  /** Resolves once everything up to `mark` is stored, which is the newest mark there is; rejects with `closed`. */
  wait(mark: number): Promise<void> {
    const last = this.#waiters.at(-1);
    if (last?.mark === mark) return last.promise;
    let settle: Waiter["settle"] = () => {};
    const promise = new Promise<void>((resolve, reject) => {
      settle = (error) => error === undefined ? resolve() : reject(error);
    });
    // Nobody may be listening any more.
    promise.catch(() => {});
    this.#waiters.push({ mark, promise, settle });
    return promise;
  }

  /** Everything below `mark` is stored. */
  storedBelow(mark: number): void {
    const waiting = this.#waiters.findIndex((waiter) => waiter.mark >= mark);
    const served = this.#waiters.splice(0, waiting < 0 ? this.#waiters.length : waiting);
    for (const waiter of served) waiter.settle();
  }

  /** The rest never will be. */
  giveUp(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.settle(lost());
  }
}

/** Why somebody waits in vain. */
export function lost(): ClusterError {
  return new ClusterError(
    "closed",
    "Cannot wait until it is stored: the node was closed before the storage took it, start it again",
  );
}
