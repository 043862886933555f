/**
 * Keeps HTTP/2 GOAWAY frames away from Deno.
 *
 * Deno 2.9.4 to 2.9.6 abort the whole process when a GOAWAY arrives on a session that carried about a hundred streams
 * (denoland/deno#36788), on servers and clients alike. `tests/runtime/rpc_goaway_test.ts` shows the crash and the cure.
 *
 * @module
 */

import { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { GoawayFilter } from "./goaway_filter.ts";

/** How to guard. */
export interface GoawayGuardOptions {
  /** True on the accepting side, where the client's preface comes first. */
  readonly preface: boolean;
  /** The peer wants to end this connection: open no new streams on it. */
  readonly onGoaway?: () => void;
}

/** A socket whose inbound GOAWAY frames are left out; all else passes both ways, with backpressure. */
export class GoawayGuard extends Duplex {
  readonly #socket: Socket;

  /** Takes over `socket`, which nobody else may read, write or end from now on. */
  constructor(socket: Socket, options: GoawayGuardOptions) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    const filter = new GoawayFilter(options);
    const onGoaway = options.onGoaway ?? (() => {});
    socket.on("data", (chunk: Uint8Array) => {
      for (const piece of filter.filter(chunk, onGoaway)) {
        if (!this.push(piece)) socket.pause();
      }
    });
    socket.once("end", () => this.push(null));
    socket.once("close", () => this.destroy());
    socket.on("error", (error) => this.destroy(error));
    socket.pause();
  }

  /** See `net.Socket`. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** See `net.Socket`. */
  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  /** See `net.Socket`. */
  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  /** See `net.Socket`. */
  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  /** See `tls.TLSSocket`; `undefined` without TLS. */
  get encrypted(): boolean | undefined {
    return (this.#socket as { encrypted?: boolean }).encrypted;
  }

  /** See `tls.TLSSocket`; `undefined` without TLS. */
  get alpnProtocol(): string | false | null | undefined {
    return (this.#socket as { alpnProtocol?: string | false | null }).alpnProtocol;
  }

  /** See `net.Socket`. */
  ref(): this {
    this.#socket.ref();
    return this;
  }

  /** See `net.Socket`. */
  unref(): this {
    this.#socket.unref();
    return this;
  }

  /** See `net.Socket`. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    this.#socket.setTimeout(ms, onTimeout);
    return this;
  }

  /** See `net.Socket`. */
  setNoDelay(on?: boolean): this {
    this.#socket.setNoDelay(on);
    return this;
  }

  /** See `net.Socket`. */
  setKeepAlive(on?: boolean, initialDelayMs?: number): this {
    this.#socket.setKeepAlive(on, initialDelayMs);
    return this;
  }

  /** Lets the socket flow again. */
  override _read(): void {
    this.#socket.resume();
  }

  /** Writes through; `done` comes when the socket took it, so that backpressure holds. */
  override _write(
    chunk: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.write(chunk, done);
  }

  /** Ends the socket's writing half. */
  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  /** Destroys the socket too. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
