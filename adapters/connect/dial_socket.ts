/**
 * Opens the socket below a link.
 *
 * @module
 */

import * as net from "node:net";
import * as tls from "node:tls";
import { type Address, parseAddress, type RpcTls } from "../../mod.ts";
import { checkTls } from "./tls_material.ts";
import { connectError, dialError, tlsError } from "./dial_errors.ts";

/** Options of {@linkcode dialSocket}. */
export interface DialSocketOptions {
  readonly tls: RpcTls | undefined;
  readonly signal: AbortSignal;
}

/**
 * A connected socket; over TLS the peer's certificate is valid for the address dialled and HTTP/2 is agreed upon.
 * Rejects with `ClusterError` `unreachable`, `refused` or `bad-config`, or with the reason of `signal`; nothing stays open then.
 */
export async function dialSocket(
  to: Address,
  options: DialSocketOptions,
): Promise<net.Socket> {
  const target = parseAddress(to);
  if (target === undefined || target.port === 0) {
    throw new TypeError(`Cannot open a link to "${to}": it is not an IP address with a port`);
  }
  const { signal } = options;
  signal.throwIfAborted();
  if (options.tls !== undefined) checkTls(options.tls);
  return await new Promise((resolve, reject) => {
    const socket = net.connect({ host: target.ip, port: target.port });
    let secured: tls.TLSSocket | undefined;
    const fail = (error: unknown): void => {
      signal.removeEventListener("abort", onAbort);
      secured?.destroy();
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal.reason);
    const onError = (error: unknown): void =>
      fail(secured === undefined ? connectError(to, error) : tlsError(to, error));
    const onClose = (): void => onError(new Error("closed by the peer"));
    const finish = (ready: net.Socket): void => {
      signal.removeEventListener("abort", onAbort);
      ready.off("close", onClose);
      socket.off("close", onClose);
      resolve(ready);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    // Stays attached: a destroyed socket may still report an error, which must not end the process.
    socket.on("error", onError);
    socket.once("close", onClose);
    socket.once("connect", () => {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 15_000);
      if (options.tls === undefined) return finish(socket);
      secured = secure(socket, target.ip, options.tls);
      secured.on("error", onError);
      secured.once("close", onClose);
      secured.once("secureConnect", () => {
        if (secured?.alpnProtocol === "h2") return finish(secured);
        fail(dialError("refused", to, "it does not speak HTTP/2, check the port"));
      });
    });
  });
}

/** Starts TLS; the name checked is the address, which is what certificates of nodes carry. */
function secure(socket: net.Socket, ip: string, material: RpcTls): tls.TLSSocket {
  return tls.connect({
    socket,
    host: ip,
    cert: material.cert,
    key: material.key,
    ...(material.ca === undefined ? {} : { ca: material.ca }),
    ALPNProtocols: ["h2"],
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
  });
}
