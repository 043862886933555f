/**
 * Watching entities without missing the last state, however slow the watcher.
 *
 * @module
 */

import type { EntityChange } from "./entities.ts";

/** How to watch. */
export interface WatchOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
  /** Begins with everything there is, as changes from nothing. @default {false} */
  readonly initial?: boolean;
}

/** Changes as they come; `for await` reads it. */
export interface EntityWatch<T = unknown> extends AsyncIterable<readonly EntityChange<T>[]> {
  /** The changes since the last look, once there are any. */
  next(): Promise<IteratorResult<readonly EntityChange<T>[], undefined>>;
  /** Ends the watch. */
  return(): Promise<IteratorResult<readonly EntityChange<T>[], undefined>>;
}

/**
 * Changes since the last look, one per key: the value at the last look and the newest one. A slow watcher therefore
 * costs at most one place per key and always sees the last state; it may not see every state between.
 */
export class Watch<T> implements EntityWatch<T> {
  #pending: Map<string, EntityChange<T>> = new Map();
  readonly #waiting: (() => void)[] = [];
  #ended = false;
  readonly #stop: () => void;

  /** `subscribe` is called at once; what it answers ends the subscription. */
  constructor(
    subscribe: (listener: (change: EntityChange<T>) => void) => () => void,
    initial: readonly EntityChange<T>[],
    signal: AbortSignal,
  ) {
    for (const change of initial) this.#pending.set(change.key, change);
    const unsubscribe = subscribe((change) => this.#add(change));
    const end = (): void => this.#end();
    signal.addEventListener("abort", end, { once: true });
    this.#stop = () => {
      unsubscribe();
      signal.removeEventListener("abort", end);
    };
    if (signal.aborted) this.#end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<readonly EntityChange<T>[], undefined>> {
    while (this.#pending.size === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#pending.size === 0) return { done: true, value: undefined };
    const value = [...this.#pending.values()];
    this.#pending = new Map();
    return { done: false, value };
  }

  return(): Promise<IteratorResult<readonly EntityChange<T>[], undefined>> {
    this.#pending.clear();
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #add(change: EntityChange<T>): void {
    const { type, key, value, version, local } = change;
    const unseen = this.#pending.get(key);
    const old = unseen === undefined ? change.old : unseen.old;
    const merged: EntityChange<T> = { type, key, value, old, version, local };
    if (merged.old === undefined && merged.value === undefined) this.#pending.delete(change.key);
    else this.#pending.set(change.key, merged);
    this.#wakeUp();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
    this.#wakeUp();
  }

  #wakeUp(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
