/** @module */

import type { Address } from "../core/machine.ts";

/** What a handler may know of the connection. */
export interface HttpPeer {
  /** The caller's address as the socket shows it; `undefined` when the host does not tell. */
  readonly remote: Address | undefined;
}

/**
 * Answers a web request. When the caller goes away while the body is sent, the body is cancelled and `request.signal`
 * aborts (some hosts tell it earlier); after a complete answer it does not. A handler that throws is answered with
 * status 500 and a text that does not repeat the error.
 */
export type HttpHandler = (request: Request, peer: HttpPeer) => Response | Promise<Response>;

/** A running server. Disposal stops accepting, then ends what is open. */
export interface HttpServer extends AsyncDisposable {
  /** The bound address, real port included. */
  readonly local: Address;
}

/**
 * Serves a fetch handler over HTTP/1.1. Streams responses unbuffered (the head may travel with the first bytes of the
 * body: Bun sends it no earlier) and never closes an idle event stream.
 */
export interface Http {
  /** Listens; rejects with `ClusterError` `bind-failed` naming the port when it is taken. */
  serve(
    options: { readonly ip: string; readonly port: number; readonly handler: HttpHandler },
  ): Promise<HttpServer>;
}
