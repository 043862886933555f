/**
 * The link stream both ends hand out.
 *
 * @module
 */

import { type Address, ClusterError, type LinkFrame, type LinkStream } from "../../mod.ts";
import { Outbox } from "./outbox.ts";

/** How a {@linkcode FrameStream} is made. */
export interface FrameStreamOptions<M> {
  readonly remote: Address;
  /** What is to be written; the transport reads it. */
  readonly outgoing: Outbox<M>;
  /** What comes in. It is read one message at a time, so that a reader that stops makes the sender stall. */
  readonly incoming: AsyncIterator<LinkFrame>;
  /** Turns a frame into a message; throws `TypeError` or `ClusterError` for one that must not travel this way. */
  readonly encode: (frame: LinkFrame) => M;
  /** Called once, when this side closed or the other side is gone. */
  readonly onClosed: () => void;
}

/** A link over messages of type `M`. */
export class FrameStream<M> implements LinkStream {
  readonly remote: Address;
  readonly frames: AsyncIterable<LinkFrame>;
  readonly #outgoing: Outbox<M>;
  readonly #incoming: AsyncIterator<LinkFrame>;
  readonly #encode: (frame: LinkFrame) => M;
  readonly #onClosed: () => void;
  #closed = false;
  #wanted: ((result: IteratorResult<LinkFrame>) => void) | undefined;

  /** See {@linkcode FrameStreamOptions}. */
  constructor(options: FrameStreamOptions<M>) {
    this.remote = options.remote;
    this.#outgoing = options.outgoing;
    this.#incoming = options.incoming;
    this.#encode = options.encode;
    this.#onClosed = options.onClosed;
    this.frames = {
      [Symbol.asyncIterator]: () => ({
        next: () => this.#next(),
        return: () => Promise.resolve({ done: true, value: undefined }),
      }),
    };
  }

  /** See the port. */
  send(frame: LinkFrame): Promise<void> {
    try {
      return this.#outgoing.push(this.#encode(frame));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** See the port. What was accepted by `send` is still written. */
  close(): void {
    this.#finish(() => this.#outgoing.end(this.#gone("is closed")));
  }

  /** The other side takes no more: `send` rejects from now on, and what came in can still be read. */
  stopSending(): void {
    this.#outgoing.break(this.#gone("broke"));
  }

  /** The other side is gone: drops what was not written and not read. */
  break(): void {
    this.#finish(() => this.#outgoing.break(this.#gone("broke")));
  }

  #finish(stopSending: () => void): void {
    if (this.#closed) return;
    this.#closed = true;
    stopSending();
    this.#wanted?.({ done: true, value: undefined });
    this.#wanted = undefined;
    this.#onClosed();
  }

  #gone(state: string): ClusterError {
    return new ClusterError(
      "closed",
      `Cannot send to "${this.remote}": the link ${state}, dial it again`,
    );
  }

  #next(): Promise<IteratorResult<LinkFrame>> {
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    if (this.#wanted !== undefined) {
      return Promise.reject(new TypeError("Cannot read frames twice at once: await each read"));
    }
    return new Promise((resolve) => {
      this.#wanted = resolve;
      const settle = (result: IteratorResult<LinkFrame>): void => {
        if (this.#wanted !== resolve) return;
        this.#wanted = undefined;
        resolve(result);
        if (result.done === true) this.close();
      };
      this.#incoming.next().then(settle, () => settle({ done: true, value: undefined }));
    });
  }
}
