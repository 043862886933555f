/**
 * Serves a node's services.
 *
 * @module
 */

import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type ConnectRouter, createContextValues } from "@connectrpc/connect";
import {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { RpcServeOptions, RpcServer } from "../../mod.ts";
import { addressOf, type Http2Handler, Http2Server } from "./http2_server.ts";
import { callerKey } from "./link_service.ts";
import type { ConnectRpcConfig } from "./options.ts";
import { nodeServices } from "./service.ts";

/** Serves until disposed of, see the port. */
export async function serveNode(
  options: RpcServeOptions,
  config: ConnectRpcConfig,
): Promise<RpcServer> {
  const { router, close } = nodeServices(options, config);
  const server = await Http2Server.serve({
    ip: options.ip,
    port: options.port,
    tls: options.security.tls,
    config,
    handler: routed(router),
    onRefused: (from, reason) => options.onRefused?.(from, reason),
  });
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    server.stopListening();
    // Sessions close while links end: both have the same grace.
    await Promise.all([within(close(), config.graceMs), server.close(config.graceMs)]);
  };
  return {
    local: server.local,
    [Symbol.asyncDispose]: () => stopped ??= stop(),
  };
}

/**
 * Hands requests to the router. Unlike `connectNodeAdapter` it writes nothing to the console: a caller that breaks off
 * is ordinary, and a handler's failure has gone to the caller as a status already.
 */
function routed(router: ConnectRouter): Http2Handler {
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const handler = handlers.get(request.url.split("?", 1)[0] as string);
    if (handler === undefined) return notFound(response);
    void respond(handler, request, response).catch(() => {
      if (!request.stream.destroyed) request.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
  };
}

async function respond(
  handler: ConnectRouter["handlers"][number],
  request: Http2ServerRequest,
  response: Http2ServerResponse,
): Promise<void> {
  const values = createContextValues().set(callerKey, addressOf(request.socket));
  const call = universalRequestFromNodeRequest(request, response, undefined, values);
  await universalResponseToNodeResponse(await handler(call), response);
}

function notFound(response: Http2ServerResponse): void {
  response.writeHead(404);
  response.end();
}

/** Resolves with `work`, or after `ms` without it. */
function within(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
