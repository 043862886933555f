/** @module */

import type { Address } from "../../mod.ts";
import type { Destination } from "./destination.ts";

/** One datagram to be written. */
export interface Outgoing {
  readonly to: Address;
  readonly destination: Destination;
  readonly bytes: Uint8Array;
}

/** Bytes that may wait; the system's own buffer is what smooths bursts, this only outlasts one turn of the loop. */
const WAITING_BYTES_MAX = 4_194_304;

/**
 * Writes one datagram after the other. Deno puts those that are sent in one turn of the event loop on the wire in
 * reverse order (2.9.6, both `Deno.listenDatagram` and `node:dgram`); waiting for each costs it no throughput.
 */
export class SendLane {
  readonly #write: (outgoing: Outgoing) => Promise<void>;
  readonly #onError: (to: Address) => void;
  #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  #running = false;
  #closed = false;

  /** `write` rejects when a datagram could not be written; that and a full lane are told to `onError`. */
  constructor(write: (outgoing: Outgoing) => Promise<void>, onError: (to: Address) => void) {
    this.#write = write;
    this.#onError = onError;
  }

  /** Queues a datagram; dropped when too much waits already. */
  push(outgoing: Outgoing): void {
    if (this.#waitingBytes + outgoing.bytes.length > WAITING_BYTES_MAX) {
      this.#onError(outgoing.to);
      return;
    }
    this.#waiting.push(outgoing);
    this.#waitingBytes += outgoing.bytes.length;
    if (!this.#running) void this.#run();
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0 && !this.#closed) {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      for (const outgoing of batch) {
        if (this.#closed) return;
        await this.#write(outgoing).catch(() => {
          if (!this.#closed) this.#onError(outgoing.to);
        });
      }
    }
    this.#running = false;
  }
}
