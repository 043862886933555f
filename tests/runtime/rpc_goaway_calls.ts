/**
 * The calls that make Deno's HTTP/2 remember streams.
 *
 * @module
 */

import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { Buffer } from "node:buffer";

/** An empty gRPC message. */
const EMPTY_MESSAGE = Buffer.alloc(5);

/** `count` health checks, ten at a time. */
export async function callMany(session: ClientHttp2Session, count: number): Promise<void> {
  for (let done = 0; done < count; done += 10) {
    await Promise.all(Array.from({ length: 10 }, () => checkHealth(session)));
  }
}

/** One health check, to its end. */
export function checkHealth(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = call(session, "Check");
    stream.once("error", reject);
    stream.once("close", () => resolve());
    stream.resume();
  });
}

/** A call that stays open: resolves when the first bytes have come. */
export function watchHealth(session: ClientHttp2Session): Promise<ClientHttp2Stream> {
  return new Promise((resolve, reject) => {
    const stream = call(session, "Watch");
    stream.on("error", reject);
    stream.once("data", () => resolve(stream));
  });
}

function call(session: ClientHttp2Session, method: string): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": `/grpc.health.v1.Health/${method}`,
    "content-type": "application/grpc+proto",
    te: "trailers",
  });
  stream.end(EMPTY_MESSAGE);
  return stream;
}
