/** @module */

import type { Socket } from "node:net";
import { type Address, type ByteStream, ClusterError, type Millis } from "../../mod.ts";
import { ChunkQueue } from "./chunk_queue.ts";

/** Unread bytes above which the peer is slowed down. */
const UNREAD_BYTES_MAX = 262_144;
/** How long `close` waits for the peer when it is not told. */
const LINGER_MS = 1_000;

/** A {@linkcode ByteStream} over a `node:net` socket that was made with `allowHalfOpen`. */
export class SocketStream implements ByteStream {
  readonly remote: Address;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly #socket: Socket;
  readonly #queue: ChunkQueue;
  readonly #closed: Promise<void>;
  /** What to call on writes that are under way when the connection closes. */
  readonly #writes: Set<() => void> = new Set();
  #isOpen = true;

  /** Takes over a connected socket. */
  constructor(socket: Socket, remote: Address) {
    this.remote = remote;
    this.#socket = socket;
    this.#queue = new ChunkQueue(
      UNREAD_BYTES_MAX,
      () => socket.pause(),
      () => socket.resume(),
    );
    this.chunks = this.#queue;
    this.#closed = new Promise((resolve) => socket.once("close", () => resolve(this.#onClose())));
    socket.on("data", (bytes: Uint8Array) => {
      this.#queue.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
    });
    socket.on("end", () => this.#queue.end());
    // A reset ends the stream as a clean end does: whether the message was complete is for its reader to say.
    socket.on("error", () => socket.destroy());
  }

  /** See {@linkcode ByteStream.write}. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (cause?: unknown): void => {
        this.#writes.delete(fail);
        reject(
          new ClusterError(
            "closed",
            `Cannot write ${bytes.length} bytes to ${this.remote}: the connection is closed`,
            { cause },
          ),
        );
      };
      if (!this.#isOpen) return fail();
      this.#writes.add(fail);
      this.#socket.write(bytes, (error) => {
        // Node reports writes that destruction cut short without an error.
        if ((error !== null && error !== undefined) || this.#socket.destroyed) return fail(error);
        this.#writes.delete(fail);
        resolve();
      });
    });
  }

  /** See {@linkcode ByteStream.close}. */
  async close(lingerMs: Millis = LINGER_MS): Promise<void> {
    this.#isOpen = false;
    this.#queue.discard();
    // Closing a socket with unread bytes resets it, which can cost the peer our last words: read them off.
    this.#socket.resume();
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), lingerMs);
    await this.#closed;
    clearTimeout(timer);
  }

  /** See {@linkcode ByteStream.destroy}. */
  destroy(): void {
    this.#isOpen = false;
    this.#queue.discard();
    this.#socket.destroy();
    this.#failWrites();
  }

  #onClose(): void {
    this.#isOpen = false;
    this.#queue.end();
    this.#failWrites();
  }

  #failWrites(): void {
    for (const fail of [...this.#writes]) fail();
  }
}
