/**
 * Hands messages to a transport that asks for them one by one.
 *
 * @module
 */

import { ClusterError } from "../../mod.ts";

/** Messages that may wait without making `push` wait; enough to keep the transport busy between two turns. */
const AHEAD_MAX = 4;

/** Pushes that may wait at once; more means that the caller does not await. */
const WAITING_MAX = 256;

interface Waiting<T> {
  readonly message: T;
  readonly resolve: () => void;
  readonly reject: (error: ClusterError) => void;
}

/** A bounded queue between `push` and one reader that asks again only after it has written what it got. */
export class Outbox<T> implements AsyncIterable<T> {
  readonly #ahead: T[] = [];
  readonly #waiting: Waiting<T>[] = [];
  #wanted: ((result: IteratorResult<T>) => void) | undefined;
  #ended: ClusterError | undefined;

  /** Resolves when the next may be pushed. Rejects with `ClusterError` once ended; nothing was sent then. */
  push(message: T): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#wanted !== undefined) {
      const wanted = this.#wanted;
      this.#wanted = undefined;
      wanted({ done: false, value: message });
      return Promise.resolve();
    }
    if (this.#ahead.length < AHEAD_MAX) {
      this.#ahead.push(message);
      return Promise.resolve();
    }
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(
        new RangeError(
          `Cannot send as ${WAITING_MAX} sends are waiting: await each before the next`,
        ),
      );
    }
    return new Promise((resolve, reject) => this.#waiting.push({ message, resolve, reject }));
  }

  /** Lets the reader have what was accepted so far, then ends it. Waiting and later pushes reject with `reason`. */
  end(reason: ClusterError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
    this.#wanted?.({ done: true, value: undefined });
    this.#wanted = undefined;
  }

  /** Like `end`, and drops what the reader has not taken. */
  break(reason: ClusterError): void {
    this.#ahead.length = 0;
    this.end(reason);
  }

  /** For the one reader, who calls `throw` or `return` when it can write no more. */
  [Symbol.asyncIterator](): AsyncIterator<T> {
    const leave = (): void => {
      this.break(new ClusterError("closed", "Cannot send: the link broke, dial it again"));
    };
    return {
      next: () => this.#next(),
      return: () => {
        leave();
        return Promise.resolve({ done: true, value: undefined });
      },
      throw: (error) => {
        leave();
        return Promise.reject(error);
      },
    };
  }

  #next(): Promise<IteratorResult<T>> {
    const first = this.#ahead.shift();
    const moved = this.#waiting.shift();
    if (moved !== undefined) {
      this.#ahead.push(moved.message);
      moved.resolve();
    }
    if (first !== undefined) return Promise.resolve({ done: false, value: first });
    if (this.#ended !== undefined) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }
}
