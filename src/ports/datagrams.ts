/** @module */

import type { Address, Millis } from "../core/machine.ts";

/** One datagram as it came in. */
export interface Frame {
  /** The sender, v4-mapped addresses in their IPv4 form. */
  readonly from: Address;
  /** The payload; the receiver owns it. */
  readonly bytes: Uint8Array;
  /** When the socket handed it over, on the runtime's clock. */
  readonly receivedMs: Millis;
}

/** How to bind. */
export interface DatagramOptions {
  /** The local IP; `0.0.0.0` and `::` mean all interfaces. */
  readonly ip: string;
  /** The local port; 0 lets the system choose. */
  readonly port: number;
  /** Called for every datagram, in arrival order, never before `bind` has resolved. MUST NOT throw. */
  readonly onFrame: (frame: Frame) => void;
  /** Called when a datagram could not be written; for the local health, not for retries. */
  readonly onSendError?: (to: Address) => void;
  /**
   * Lets the socket write to broadcast addresses of IPv4 networks, such as `10.0.0.255`; without it, whether it may is
   * the system's affair.
   *
   * @default {false}
   */
  readonly broadcast?: boolean;
  /**
   * Lets further sockets of this machine bind the same IP and port, when all of them ask for it. Each gets what is
   * broadcast; only one of them, nobody knows which, gets what is sent to one address.
   *
   * @default {false}
   */
  readonly sharePort?: boolean;
}

/**
 * A bound best-effort endpoint: datagrams may be lost, doubled or reordered. Bound to `::` it also speaks IPv4 where the
 * system has both. Disposal frees the port; no frame is handed over afterwards.
 */
export interface DatagramSocket extends AsyncDisposable {
  /** The bound address, real port included. */
  readonly local: Address;
  /**
   * Sends without waiting; the bytes belong to the socket from then on. MUST NOT throw for an unreachable peer, an
   * address it cannot write to (wrong family, port 0, not an address) or a datagram that is too large: that is told by
   * {@linkcode DatagramOptions.onSendError}. After disposal it does nothing.
   */
  send(to: Address, bytes: Uint8Array): void;
}

/** UDP. */
export interface Datagrams {
  /** Binds; rejects with `ClusterError` `bind-failed` naming the port when it is taken. */
  bind(options: DatagramOptions): Promise<DatagramSocket>;
}
