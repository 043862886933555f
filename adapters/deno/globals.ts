/**
 * As much of the `Deno` global as this adapter uses, described by shape.
 *
 * @module
 */

import { ClusterError } from "../../mod.ts";

/** An IP and a port. */
export interface DenoNetAddr {
  readonly hostname: string;
  readonly port: number;
}

/** A bound UDP socket. */
export interface DenoDatagramConn {
  readonly addr: DenoNetAddr;
  /** Reads one datagram into `buffer`; the answer is a view of it. */
  receive(buffer: Uint8Array): Promise<[Uint8Array, DenoNetAddr]>;
  send(bytes: Uint8Array, to: DenoNetAddr & { readonly transport: "udp" }): Promise<number>;
  close(): void;
}

/** A running HTTP server. */
export interface DenoHttpServer {
  readonly addr: DenoNetAddr;
  readonly finished: Promise<void>;
}

/** What `Deno.serve` tells a handler beside the request. */
export interface DenoServeInfo {
  readonly remoteAddr: DenoNetAddr;
}

/** The `Deno` global. */
export interface DenoGlobal {
  readonly version: { readonly deno: string };
  /** There only with `--unstable-net` or `"unstable": ["net"]`. */
  listenDatagram?(
    options: DenoNetAddr & { readonly transport: "udp"; readonly reuseAddress?: boolean },
  ): DenoDatagramConn;
  serve(
    options: DenoNetAddr & {
      readonly signal: AbortSignal;
      readonly onListen: () => void;
      readonly onError: (error: unknown) => Response;
    },
    handler: (request: Request, info: DenoServeInfo) => Response | Promise<Response>,
  ): DenoHttpServer;
}

/** The global; throws `ClusterError` `unsupported` where there is none. */
export function denoGlobal(): DenoGlobal {
  const { Deno: found } = globalThis as { Deno?: DenoGlobal };
  if (found === undefined) {
    throw new ClusterError(
      "unsupported",
      `Cannot make a Deno runtime: this process is not Deno, use "@althing/cluster/node" or "@althing/cluster/bun"`,
    );
  }
  return found;
}
