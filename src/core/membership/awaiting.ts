/**
 * Pings whose answer is awaited, by sequence number.
 *
 * @module
 */

import type { Address } from "../machine.ts";
import type { Ack } from "../wire/messages.ts";

/** Somebody who sent a ping. */
export interface Awaiting {
  /** The answer came; the entry is already removed. `receivedMs` is when it reached our socket. */
  acked(ack: Ack, from: Address, receivedMs: number): void;
  /** A helper could not reach the target either. */
  nacked(): void;
}

/** The table. An ack takes its entry out, a nack does not. */
export class AwaitingTable {
  readonly #bySeqNo: Map<number, Awaiting> = new Map();

  /** How many are awaited. */
  get size(): number {
    return this.#bySeqNo.size;
  }

  /** Waits for `seqNo`. The owner deletes it when its time is up. */
  set(seqNo: number, awaiting: Awaiting): void {
    this.#bySeqNo.set(seqNo, awaiting);
  }

  /** Waits no longer. */
  delete(seqNo: number): void {
    this.#bySeqNo.delete(seqNo);
  }

  /** Hands an ack to whom it is for; unknown ones are ignored. */
  ack(ack: Ack, from: Address, receivedMs: number): void {
    const awaiting = this.#bySeqNo.get(ack.seqNo);
    if (awaiting === undefined) return;
    this.#bySeqNo.delete(ack.seqNo);
    awaiting.acked(ack, from, receivedMs);
  }

  /** Hands a nack to whom it is for. */
  nack(seqNo: number): void {
    this.#bySeqNo.get(seqNo)?.nacked();
  }
}
