/**
 * As much of the `Bun` global as this adapter uses, described by shape.
 *
 * @module
 */

import { ClusterError } from "../../mod.ts";

/** A running HTTP server. */
export interface BunServer {
  readonly port: number;
  /** The caller's address; `null` when it is gone. */
  requestIP(request: Request): { readonly address: string; readonly port: number } | null;
  /** Stops listening; with `true`, also ends what is open. */
  stop(closeActiveConnections: boolean): Promise<void>;
}

/** The `Bun` global. */
export interface BunGlobal {
  readonly version: string;
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    /** Seconds of silence after which a connection is closed; 0 is never. */
    readonly idleTimeout: number;
    readonly fetch: (request: Request, server: BunServer) => Response | Promise<Response>;
    readonly error: (error: unknown) => Response;
  }): BunServer;
}

/** The global; throws `ClusterError` `unsupported` where there is none. */
export function bunGlobal(): BunGlobal {
  const { Bun: found } = globalThis as { Bun?: BunGlobal };
  if (found === undefined) {
    throw new ClusterError(
      "unsupported",
      `Cannot make a Bun runtime: this process is not Bun, use "@althing/cluster/node" or "@althing/cluster/deno"`,
    );
  }
  return found;
}
