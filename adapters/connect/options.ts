/**
 * Tuning of the gRPC adapter.
 *
 * @module
 */

import type { Millis } from "../../mod.ts";

/** Tuning of {@linkcode connectRpc}; the defaults suit a cluster of any size. */
export interface ConnectRpcOptions {
  /**
   * Drop inbound HTTP/2 GOAWAY frames before `node:http2` sees them, see `_http2/goaway_guard.ts`.
   *
   * @default {true on Deno, false elsewhere}
   */
  readonly goawayGuard?: boolean;
  /**
   * Largest message sent or accepted. A batch above it is refused by `send`, one that arrives ends its stream.
   *
   * @default {33554432}
   */
  readonly messageBytesMax?: number;
  /**
   * HTTP/2 flow control window of a stream and of a connection: what may be under way unread.
   *
   * @default {1048576}
   */
  readonly windowBytes?: number;
  /**
   * Most connections a server keeps; more are closed at once.
   *
   * @default {1024}
   */
  readonly connectionsMax?: number;
  /**
   * How long a connection may stay without any open call before the server closes it.
   *
   * @default {30000}
   */
  readonly idleMs?: Millis;
  /**
   * How often both ends probe a connection with an HTTP/2 PING.
   *
   * @default {10000}
   */
  readonly keepAliveMs?: Millis;
  /**
   * How long a PING may stay unanswered until the connection counts as broken; must be at most `keepAliveMs`.
   *
   * @default {10000}
   */
  readonly keepAliveTimeoutMs?: Millis;
  /**
   * How long open streams may take to end when a server or a link closes, before their sockets are destroyed.
   *
   * @default {1000}
   */
  readonly graceMs?: Millis;
}

/** {@linkcode ConnectRpcOptions} after defaults. */
export type ConnectRpcConfig = Readonly<Required<ConnectRpcOptions>>;

/** Fills in the defaults; throws `RangeError` for what cannot work. */
export function resolveConnectRpc(options: ConnectRpcOptions = {}): ConnectRpcConfig {
  const config: ConnectRpcConfig = Object.freeze({
    goawayGuard: "Deno" in globalThis,
    messageBytesMax: 32 * 1024 * 1024,
    windowBytes: 1024 * 1024,
    connectionsMax: 1024,
    idleMs: 30_000,
    keepAliveMs: 10_000,
    keepAliveTimeoutMs: 10_000,
    graceMs: 1000,
    ...options,
  });
  inRange(config, "messageBytesMax", 1024, 0xffff_ffff);
  inRange(config, "windowBytes", 65_535, 0x7fff_ffff);
  inRange(config, "connectionsMax", 1, 1_000_000);
  inRange(config, "idleMs", 10, 0x7fff_ffff);
  inRange(config, "keepAliveMs", 10, 0x7fff_ffff);
  inRange(config, "keepAliveTimeoutMs", 10, config.keepAliveMs);
  inRange(config, "graceMs", 0, 0x7fff_ffff);
  return config;
}

function inRange(
  config: ConnectRpcConfig,
  key: Exclude<keyof ConnectRpcConfig, "goawayGuard">,
  min: number,
  max: number,
): void {
  const value = config[key];
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot set up RPC as ${key} must be a whole number of ${min} to ${max}: it is ${value}`,
  );
}
