/**
 * Finds dead connections.
 *
 * @module
 */

import type { Http2Session } from "node:http2";
import type { Millis } from "../../mod.ts";

/** When a connection counts as dead. */
export interface KeepAliveConfig {
  /** Time between two PINGs. */
  readonly keepAliveMs: Millis;
  /** How long a PING may stay unanswered; at most `keepAliveMs`. */
  readonly keepAliveTimeoutMs: Millis;
}

/**
 * Sends a PING every `keepAliveMs` until the session closes, and calls `onDead` once when one stays unanswered for
 * `keepAliveTimeoutMs`. Holds no process alive.
 */
export function keepAlive(
  session: Http2Session,
  config: KeepAliveConfig,
  onDead: () => void,
): void {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    clearInterval(interval);
    clearTimeout(waiting);
  };
  const interval = setInterval(() => {
    if (session.destroyed || session.closed) return stop();
    if (waiting !== undefined) return;
    waiting = setTimeout(() => {
      stop();
      onDead();
    }, config.keepAliveTimeoutMs);
    waiting.unref();
    try {
      session.ping((error) => {
        // A ping that was cancelled by the closing of the session says nothing.
        if (error !== null && !session.destroyed) return;
        clearTimeout(waiting);
        waiting = undefined;
      });
    } catch {
      stop();
    }
  }, config.keepAliveMs);
  interval.unref();
  session.once("close", stop);
}
