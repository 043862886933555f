/**
 * Application messages between two nodes: a small lane beside the state. Order is kept per link; delivery is nobody's
 * promise.
 *
 * @module
 */

import { BoundedQueue } from "../bounded_queue.ts";
import type { ReplicationCounters, ReplicationRefusal } from "./contract.ts";
import type { Message } from "./frames.ts";
import { fitsUtf8 } from "./versions.ts";

/** Says in a greeting that messages are taken. */
export const MESSAGES_CAPABILITY = "msg:v1";

/** Messages waiting per link; the oldest makes room. */
export const MESSAGES_WAITING_MAX = 256;

/** Longest channel name in UTF-8 bytes. */
export const CHANNEL_BYTES_MAX = 255;

/** Largest payload in bytes. */
export const PAYLOAD_BYTES_MAX = 65_536;

/** So many messages go in a row before something else gets a turn, so that no talker starves the state. */
const BURST_MAX = 32;

/** What waits for one stream of one link. */
export class MessageLane {
  readonly #counters: ReplicationCounters;
  readonly #waiting: BoundedQueue<Message> = new BoundedQueue(MESSAGES_WAITING_MAX);
  #inARow = 0;

  constructor(counters: ReplicationCounters) {
    this.#counters = counters;
  }

  /** Messages waiting. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Queues a message; the oldest goes when there are too many. */
  push(message: Message): void {
    if (this.#waiting.push(message) !== undefined) this.#counters.messagesDropped++;
  }

  /**
   * The next message to send. Answers `undefined` once after a long row of them: ask again when nothing else wants to
   * go.
   */
  next(): Message | undefined {
    if (this.#inARow >= BURST_MAX) {
      this.#inARow = 0;
      return undefined;
    }
    const message = this.#waiting.shift();
    if (message === undefined) {
      this.#inARow = 0;
      return undefined;
    }
    this.#inARow++;
    this.#counters.messagesSent++;
    return message;
  }

  /** The peer takes none: those that wait are lost. */
  clear(): void {
    while (this.#waiting.shift() !== undefined) this.#counters.messagesDropped++;
  }
}

/** Whether a message from a peer is within what ours would send. */
export function isMessageWithin({ channel, payload }: Message): boolean {
  return payload.length <= PAYLOAD_BYTES_MAX && fitsUtf8(channel, CHANNEL_BYTES_MAX);
}

/** Why a message can't be sent; `undefined` when it can. */
export function objectionToMessage(
  peer: string,
  message: Message,
): ReplicationRefusal | undefined {
  const attempt = `Cannot send a message to "${peer.slice(0, 64)}"`;
  const { channel, payload } = message;
  if (!fitsUtf8(channel, CHANNEL_BYTES_MAX)) {
    return {
      ok: false,
      code: "bad-data",
      message: `${attempt}: the channel must be text of at most ${CHANNEL_BYTES_MAX} bytes`,
    };
  }
  if (payload.length <= PAYLOAD_BYTES_MAX) return undefined;
  return {
    ok: false,
    code: "too-large",
    message: `${attempt}: the payload has ${payload.length} bytes, ` +
      `the limit is ${PAYLOAD_BYTES_MAX}`,
  };
}
