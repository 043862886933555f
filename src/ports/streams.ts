/** @module */

import type { Address, Millis } from "../core/machine.ts";

/** One TCP connection. */
export interface ByteStream {
  /** The other end, v4-mapped addresses in their IPv4 form. */
  readonly remote: Address;
  /** The bytes that arrive; ends with the connection, also when it breaks. One reader. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Writes; resolves when the system has taken the bytes, rejects with `ClusterError` `closed` when it can't. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends what was written, then closes our direction and, at the latest `lingerMs` later, the rest. Never rejects. */
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
  /** Connects; rejects with `ClusterError` `unreachable`, `timeout` or `aborted`. */
  dial(
    to: Address,
    options: { readonly timeoutMs: Millis; readonly signal?: AbortSignal },
  ): Promise<ByteStream>;
}
