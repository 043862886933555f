/** @module */

import { formatAddress, type Http } from "../../mod.ts";
import { bindFailed } from "../_node_compat/bind_failed.ts";
import type { DenoGlobal, DenoHttpServer } from "./globals.ts";
import { withLossSignal } from "./loss_signal.ts";

/** HTTP over `Deno.serve`. */
export function denoHttp(deno: DenoGlobal): Http {
  return {
    // deno-lint-ignore require-await -- a failed bind must be a rejection
    async serve({ ip, port, handler }) {
      const stop = new AbortController();
      let server: DenoHttpServer;
      try {
        server = deno.serve(
          {
            hostname: ip,
            port,
            signal: stop.signal,
            onListen: () => {},
            onError: () => new Response("Internal Server Error", { status: 500 }),
          },
          (request, { remoteAddr: { hostname, port } }) => {
            const peer = { remote: formatAddress(hostname, port) };
            return withLossSignal(request, () => handler(request, peer));
          },
        );
      } catch (cause) {
        throw bindFailed("HTTP", ip, port, cause);
      }
      return {
        local: formatAddress(ip, server.addr.port),
        async [Symbol.asyncDispose]() {
          stop.abort();
          await server.finished;
        },
      };
    },
  };
}
