/** @module */

import { formatAddress, type Http } from "../../mod.ts";
import { bindFailed } from "../_node_compat/bind_failed.ts";
import type { BunGlobal, BunServer } from "./globals.ts";

/** HTTP over `Bun.serve`, without its idle timeout of ten seconds, which would cut event streams. */
export function bunHttp(bun: BunGlobal): Http {
  return {
    // deno-lint-ignore require-await -- a failed bind must be a rejection
    async serve({ ip, port, handler }) {
      let server: BunServer;
      try {
        server = bun.serve({
          hostname: ip,
          port,
          idleTimeout: 0,
          fetch: (request, self) => {
            const peer = self.requestIP(request);
            const remote = peer === null ? undefined : formatAddress(peer.address, peer.port);
            return handler(request, { remote });
          },
          error: () => new Response("Internal Server Error", { status: 500 }),
        });
      } catch (cause) {
        throw bindFailed("HTTP", ip, port, cause);
      }
      return {
        local: formatAddress(ip, server.port),
        async [Symbol.asyncDispose]() {
          await server.stop(true);
        },
      };
    },
  };
}
