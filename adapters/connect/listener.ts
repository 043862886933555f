/**
 * Listens for connections, with or without TLS.
 *
 * @module
 */

import * as net from "node:net";
import * as tls from "node:tls";
import { type Address, ClusterError, formatAddress, type RpcTls } from "../../mod.ts";
import { systemCode } from "./dial_errors.ts";
import { checkTls } from "./tls_material.ts";

const TLS_HANDSHAKE_MS = 10_000;

/** What the systems' codes mean for the person who reads the log; the other ports say the same. */
const BIND_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken, stop what holds it or choose another port",
  EADDRNOTAVAIL: "no interface of this machine has the address, choose one that it has",
  // What Deno's node:net says for the same.
  EINVAL: "no interface of this machine has the address, choose one that it has",
  EACCES: "this user may not bind the port, choose one above 1023",
  NotCapable: "the process lacks the permission, start it with --allow-net",
};

/** What a listener needs. */
export interface ListenerOptions {
  readonly ip: string;
  readonly port: number;
  readonly tls: RpcTls | undefined;
  readonly connectionsMax: number;
  /** A connection that may speak HTTP/2 now. Its errors are listened to already. */
  readonly onSocket: (socket: net.Socket) => void;
  /** A handshake failed; `reason` is a code. */
  readonly onRefused: (from: Address, reason: string) => void;
}

/** A bound listener; the sockets it handed out are not its concern. */
export interface Listener {
  readonly local: Address;
  close(): void;
}

/** Binds; rejects with `ClusterError` `bind-failed`, or `bad-config` when the TLS material cannot be used. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const server = options.tls === undefined ? plainServer(options) : tlsServer(options, options.tls);
  server.maxConnections = options.connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(bindError(options, error)));
    server.once("listening", resolve);
    server.listen({ host: options.ip, port: options.port });
  });
  server.removeAllListeners("error");
  // A failing accept must not end the process; the listener goes on.
  server.on("error", () => {});
  const bound = server.address() as net.AddressInfo;
  return {
    local: formatAddress(bound.address, bound.port),
    close: () => server.close(),
  };
}

function plainServer(options: ListenerOptions): net.Server {
  return net.createServer((socket) => {
    prepare(socket);
    options.onSocket(socket);
  });
}

function tlsServer(options: ListenerOptions, material: RpcTls): net.Server {
  const server = createTlsServer(material, (socket) => {
    prepare(socket);
    const from = formatAddress(socket.remoteAddress ?? "", socket.remotePort ?? 0);
    if (material.clientAuth && !socket.authorized) {
      options.onRefused(from, "no valid client certificate");
      socket.destroy();
      return;
    }
    if (socket.alpnProtocol !== "h2") {
      options.onRefused(from, "no HTTP/2");
      socket.destroy();
      return;
    }
    options.onSocket(socket);
  });
  server.on("tlsClientError", (error, socket) => {
    const from = formatAddress(socket.remoteAddress ?? "", socket.remotePort ?? 0);
    options.onRefused(from, `TLS: ${systemCode(error)}`);
    socket.destroy();
  });
  return server;
}

function createTlsServer(
  material: RpcTls,
  onSecure: (socket: tls.TLSSocket) => void,
): tls.Server {
  const { cert, key, ca, clientAuth } = material;
  checkTls(material);
  return tls.createServer({
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    requestCert: clientAuth,
    rejectUnauthorized: clientAuth,
    ALPNProtocols: ["h2"],
    minVersion: "TLSv1.2",
    handshakeTimeout: TLS_HANDSHAKE_MS,
  }, onSecure);
}

function prepare(socket: net.Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 15_000);
  // The session on top reports what matters; without a listener an error would end the process.
  socket.on("error", () => {});
}

function bindError({ ip, port }: ListenerOptions, cause: unknown): ClusterError {
  const code = systemCode(cause);
  const reason = BIND_REASONS[code] ?? `${code}, choose another port`;
  return new ClusterError("bind-failed", `Cannot bind RPC ${formatAddress(ip, port)}: ${reason}`, {
    cause,
  });
}
