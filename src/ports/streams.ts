/** @module */

import type { Address, Millis } from "../core/machine.ts";

/** One TCP connection. */
export interface ByteStream {
  /** The other end, v4-mapped addresses in their IPv4 form. */
  readonly remote: Address;
  /**
   * The bytes that arrive; ends when the peer has sent all, and when the connection breaks. One reader at a time;
   * leaving the loop neither closes the connection nor loses bytes. Unread bytes are bounded: the peer is slowed down.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /**
   * Writes; resolves when the system has taken the bytes, rejects with `ClusterError` `closed` when it can't. Works after
   * the peer has ended its direction. The bytes MUST NOT change until then.
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Sends what was written and closes our direction; closes the rest when the peer has done the same, at the latest
   * `lingerMs` (default 1,000) after the call. Ends `chunks`: what still arrives is dropped. Resolves when all is
   * closed; never rejects.
   */
  close(lingerMs?: Millis): Promise<void>;
  /** Closes at once and drops what is unsent. Harmless twice. */
  destroy(): void;
}

/** How to listen. */
export interface StreamListenOptions {
  /** The local IP; `0.0.0.0` and `::` mean all interfaces. */
  readonly ip: string;
  /** The local port; 0 lets the system choose. */
  readonly port: number;
  /** Called for every connection. MUST NOT throw. */
  readonly onStream: (stream: ByteStream) => void;
  /**
   * How many accepted connections may be open at once; those above are closed at once and told to `onRefused`.
   *
   * @default {1024}
   */
  readonly streamsMax?: number;
  /** Told of connections that were not handed over, for counters and the log. MUST NOT throw. */
  readonly onRefused?: (from: Address | undefined, reason: string) => void;
}

/** A listening endpoint. Disposal stops accepting and destroys what it accepted. */
export interface StreamListener extends AsyncDisposable {
  /** The bound address, real port included. */
  readonly local: Address;
}

/** TCP. */
export interface Streams {
  /** Listens; rejects with `ClusterError` `bind-failed` naming the port when it is taken. */
  listen(options: StreamListenOptions): Promise<StreamListener>;
  /** Connects; rejects with `ClusterError` `unreachable` (also for what is no address), `timeout` or `aborted`. */
  dial(
    to: Address,
    options: { readonly timeoutMs: Millis; readonly signal?: AbortSignal },
  ): Promise<ByteStream>;
}
