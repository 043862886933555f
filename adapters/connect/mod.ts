/**
 * The application plane over real gRPC: HTTP/2 with trailers, the same code on Node, Deno and Bun.
 *
 * ```ts
 * import { connectRpc } from "@althing/cluster/connect";
 *
 * const rpc = connectRpc();
 * const security = { linkKeys: () => [] };
 * const server = await rpc.serve({
 *   ip: "127.0.0.1",
 *   port: 0,
 *   security,
 *   health: () => "serving",
 *   onLink: async (link) => {
 *     for await (const { frame } of link.frames) console.log(frame.case);
 *   },
 * });
 * const link = await rpc.dial(server.local, { security, timeoutMs: 1000 });
 * await link.send({ frame: { case: "pull", value: { keys: [], prefixes: [""] } } });
 * link.close();
 * await server[Symbol.asyncDispose]();
 * ```
 *
 * @module
 */

import type { Rpc } from "../../mod.ts";
import { dialLink } from "./client.ts";
import { type ConnectRpcOptions, resolveConnectRpc } from "./options.ts";
import { serveNode } from "./server.ts";

export type { ConnectRpcOptions } from "./options.ts";

/** gRPC with `@connectrpc/connect` over `node:http2`. Throws `RangeError` for options that cannot work. */
export function connectRpc(options?: ConnectRpcOptions): Rpc {
  const config = resolveConnectRpc(options);
  return {
    serve: (serving) => serveNode(serving, config),
    dial: (to, dialling) => dialLink(to, dialling, config),
  };
}
