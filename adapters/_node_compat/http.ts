/** @module */

import { createServer, type Server } from "node:http";
import { ClusterError, formatAddress, type Http, type HttpHandler } from "../../mod.ts";
import { bindFailed } from "./bind_failed.ts";

/** HTTP over `node:http`; loads the optional package `@hono/node-server` when something is served. */
export function nodeHttp(): Http {
  return {
    async serve({ ip, port, handler }) {
      const server = createServer(await listener(handler));
      const bound = await listening(server, ip, port);
      let disposed: Promise<void> | undefined;
      return {
        local: formatAddress(ip, bound),
        [Symbol.asyncDispose]() {
          disposed ??= new Promise((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          });
          return disposed;
        },
      };
    },
  };
}

type RequestListener = ReturnType<typeof import("@hono/node-server").getRequestListener>;

async function listener(handler: HttpHandler): Promise<RequestListener> {
  const { getRequestListener } = await nodeServer();
  return getRequestListener(async (request, { incoming }) => {
    const { remoteAddress, remotePort } = incoming.socket;
    const remote = remoteAddress === undefined || remotePort === undefined
      ? undefined
      : formatAddress(remoteAddress, remotePort);
    try {
      return await handler(request, { remote });
    } catch {
      return new Response("Internal Server Error", { status: 500 });
    }
  }, { overrideGlobalObjects: false });
}

async function nodeServer(): Promise<typeof import("@hono/node-server")> {
  try {
    return await import("@hono/node-server");
  } catch (cause) {
    throw new ClusterError(
      "unsupported",
      `Cannot serve HTTP on Node: the package "@hono/node-server" does not load, install it beside this one`,
      { cause },
    );
  }
}

function listening(server: Server, ip: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(bindFailed("HTTP", ip, port, cause));
    server.once("error", fail);
    server.listen({ host: ip, port, exclusive: true }, () => {
      server.off("error", fail);
      server.on("error", () => {});
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
