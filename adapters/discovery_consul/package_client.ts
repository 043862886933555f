/**
 * The package `consul`, with what it does not do by itself: it takes answers of any length, does not notice when a
 * connection breaks in the middle of one, and asks the resolver for IPv6 addresses (ADR 0039).
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { ClusterError } from "../../mod.ts";
import type { ResolvedConsul } from "./options.ts";

/** The most an answer may hold: about 10,000 instances. */
export const ANSWER_BYTES_MAX: number = 16 * 1024 * 1024;

/** What every call takes. `ctx` aborts it by its event `cancel`, and has it resolve with the response as well. */
export interface CallOptions {
  readonly ctx: EventEmitter & { readonly includeResponse: true };
  readonly timeout: number;
}

/** The head of an answer, and its decoded body. */
export type CallResult = readonly [{ readonly headers: http.IncomingHttpHeaders }, unknown?];

type Call = (options: Readonly<Record<string, unknown>>) => Promise<CallResult>;

/** The calls of the package that are used here. */
export interface PackageClient {
  readonly agent: {
    readonly service: { readonly register: Call; readonly deregister: Call };
    readonly check: { readonly list: Call };
  };
  readonly health: { readonly service: Call };
  /** Closes idle connections. */
  destroy(): void;
}

interface Extensible {
  _ext(event: "onRequest", extend: (request: PackageRequest, next: () => void) => void): void;
}

interface PackageRequest {
  transport: { request(options: http.RequestOptions): http.ClientRequest };
  readonly req: http.RequestOptions;
}

/** Loads the package; rejects with `ClusterError` `unsupported` where it is not installed. Connects to nothing. */
export async function packageClient(
  options: ResolvedConsul,
  ca: string | undefined,
): Promise<PackageClient> {
  const Consul = await loadConsul();
  const { host, port, secure, token } = options;
  // A connection per call: on one that is used again, Deno repeats a call that broke off without telling, and a blocking
  // query then waits for news that a restarted agent does not have.
  const settings = { keepAlive: false };
  const client = new Consul({
    host: host.includes(":") ? `[${host}]` : host,
    port,
    secure,
    agent: secure
      ? new https.Agent({ ...settings, ...(ca === undefined ? {} : { ca }) })
      : new http.Agent(settings),
    ...(token === undefined ? {} : { defaults: { token } }),
  });
  (client as unknown as Extensible)._ext("onRequest", (request, next) => {
    const { transport } = request;
    request.transport = {
      request: (to) => guarded(transport.request({ ...to, hostname: host })),
    };
    next();
  });
  return client as unknown as PackageClient;
}

/** Fails the request when its answer is too long or ends too early. */
function guarded(request: http.ClientRequest): http.ClientRequest {
  request.once("response", (response) => {
    let length = 0;
    const fail = (code: string, message: string): void => {
      request.emit("error", Object.assign(new Error(message), { code }));
      request.destroy();
    };
    // A listener keeps broken answers from being thrown; what is to be said comes with "close".
    response.on("error", () => {});
    response.on("close", () => {
      if (!response.complete) fail("ECONNRESET", "the answer broke off");
    });
    response.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > ANSWER_BYTES_MAX) fail("EMSGSIZE", "the answer is too long");
    });
  });
  return request;
}

async function loadConsul(): Promise<typeof import("consul")> {
  try {
    return (await import("consul")).default;
  } catch (cause) {
    throw new ClusterError(
      "unsupported",
      'Cannot discover peers by Consul: the package "consul" is not installed, add it (npm install consul)',
      { cause },
    );
  }
}
