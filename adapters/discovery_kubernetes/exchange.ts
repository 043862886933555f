/**
 * One GET of the API server, which never waits longer than it was told to and never keeps more than it was told to.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { Agent, get, type RequestOptions } from "node:https";
import { type Clock, ClusterError } from "../../mod.ts";

/** A GET whose answer has begun. */
export interface Exchange {
  /** The HTTP status. */
  readonly status: number;
  /** The body, paused until somebody listens. */
  readonly body: IncomingMessage;
  /** Closes the connection; harmless twice. */
  close(): void;
}

/** Asks, and resolves when the answer begins; rejects with `signal.reason` or the socket's error. */
export function ask(url: string, options: RequestOptions, signal: AbortSignal): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    // A connection of its own: what was rotated meanwhile counts from the next question on.
    const agent = options.agent ?? new Agent({ keepAlive: false });
    const request = get(url, { ...options, agent });
    const abort = (): void => {
      reject(signal.reason);
      request.destroy();
    };
    signal.addEventListener("abort", abort, { once: true });
    request.once("response", (body) => {
      signal.removeEventListener("abort", abort);
      // Listened to for ever: an error that nobody hears ends the process.
      body.on("error", () => {});
      const close = (): void => {
        request.destroy();
        body.destroy();
      };
      if (signal.aborted) close();
      resolve({ status: body.statusCode ?? 0, body, close });
    });
    request.on("error", (error) => {
      signal.removeEventListener("abort", abort);
      reject(error);
    });
    if (signal.aborted) abort();
  });
}

/**
 * Hands on chunks until the body ends, fails or `signal` aborts, then closes; resolves with whether it came to its end.
 * Rejects with `signal.reason`, or with what `take` throws.
 */
export function drain(
  exchange: Exchange,
  signal: AbortSignal,
  take: (chunk: Uint8Array) => void,
): Promise<boolean> {
  const { body } = exchange;
  return new Promise((resolve, reject) => {
    const settle = (how: () => void): void => {
      signal.removeEventListener("abort", abort);
      body.off("data", onData);
      exchange.close();
      how();
    };
    const abort = (): void => settle(() => reject(signal.reason));
    const onData = (chunk: Uint8Array): void => {
      try {
        take(chunk);
      } catch (error) {
        settle(() => reject(error));
      }
    };
    signal.addEventListener("abort", abort, { once: true });
    body.once("end", () => settle(() => resolve(body.complete)));
    body.once("error", () => settle(() => resolve(false)));
    body.once("close", () => settle(() => resolve(false)));
    body.on("data", onData);
    if (signal.aborted) abort();
  });
}

/** The whole body as text; rejects with `ClusterError` `bad-data` when it is longer or breaks off. */
export async function textOf(
  exchange: Exchange,
  signal: AbortSignal,
  bytesMax: number,
): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  const isWhole = await drain(exchange, signal, (chunk) => {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new ClusterError("bad-data", `the answer is longer than ${bytesMax} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  });
  if (!isWhole) throw new ClusterError("unreachable", "the answer broke off");
  return text + decoder.decode();
}

/** Runs `work` under a signal that aborts with `signal`, and with `ClusterError` `timeout` after `ms`. */
export async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const follow = (): void => controller.abort(signal.reason);
  signal.addEventListener("abort", follow, { once: true });
  if (signal.aborted) follow();
  const disarm = clock.alarm(clock.now() + ms, () => {
    controller.abort(new ClusterError("timeout", `no answer within ${ms} ms`));
  });
  try {
    return await work(controller.signal);
  } finally {
    disarm();
    signal.removeEventListener("abort", follow);
  }
}

/** Rejects with `signal.reason` when that comes before `work` settles. */
export function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
