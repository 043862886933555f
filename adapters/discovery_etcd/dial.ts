/**
 * Opens the socket to a member of etcd.
 *
 * @module
 */

import * as net from "node:net";
import * as tls from "node:tls";
import { type Clock, ClusterError, type Dns, type Millis } from "../../mod.ts";
import { within } from "./deadline.ts";
import type { Endpoint } from "./endpoint.ts";
import { etcdError, systemCode } from "./failures.ts";
import type { TlsMaterial } from "./options.ts";

/** What dialling needs. */
export interface DialOptions {
  readonly clock: Clock;
  readonly dns: Dns;
  readonly material: TlsMaterial;
  /** What all addresses of the host may take together. */
  readonly timeoutMs: Millis;
}

/**
 * A connected socket to any address of the endpoint's host, with TLS where it is wanted. Rejects with `ClusterError`
 * `unreachable`, `refused` or `timeout`, or with the reason of `signal`; nothing stays open then.
 */
export async function dialEtcd(
  endpoint: Endpoint,
  options: DialOptions,
  signal: AbortSignal,
): Promise<net.Socket> {
  const { clock, dns, material, timeoutMs } = options;
  const { host } = endpoint;
  const ips = net.isIP(host) === 0 ? await dns.addresses(host) : [host];
  let failed = failure(endpoint, "unreachable", "its name does not resolve", "check it");
  for (const ip of ips) {
    const late = (): ClusterError => failure(endpoint, "timeout", `${ip} did not answer`, RUNS);
    try {
      return await within(clock, timeoutMs / ips.length, [signal], late, (limited) => {
        return openSocket(endpoint, ip, material, limited);
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!ClusterError.is(error)) throw error;
      failed = error;
    }
  }
  throw failed;
}

const RUNS = "check that etcd runs and can be reached from here";
const CHECK_TLS = "check the certificates and the authority";

function openSocket(
  endpoint: Endpoint,
  ip: string,
  material: TlsMaterial,
  signal: AbortSignal,
): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: ip, port: endpoint.port });
    let secured: tls.TLSSocket | undefined;
    const fail = (error: unknown): void => {
      signal.removeEventListener("abort", onAbort);
      secured?.destroy();
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal.reason);
    const onError = (error: unknown): void => {
      const code = systemCode(error);
      fail(
        secured === undefined
          ? failure(endpoint, "unreachable", `connecting to ${ip} failed with ${code}`, RUNS)
          : failure(endpoint, "refused", `TLS failed with ${code}`, CHECK_TLS),
      );
    };
    const onClose = (): void => onError(new Error("closed"));
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
      if (!endpoint.tls) return finish(socket);
      secured = secure(socket, endpoint.host, material);
      secured.on("error", onError);
      secured.once("close", onClose);
      secured.once("secureConnect", () => {
        if (secured?.alpnProtocol === "h2") return finish(secured);
        fail(failure(endpoint, "refused", "it does not speak HTTP/2", "check the port"));
      });
    });
  });
}

/** Starts TLS; the certificate must be for the host that was configured, an address too. */
function secure(socket: net.Socket, host: string, material: TlsMaterial): tls.TLSSocket {
  const { ca, cert, key } = material;
  return tls.connect({
    socket,
    host,
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ALPNProtocols: ["h2"],
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
  });
}

function failure(
  { text }: Endpoint,
  code: "unreachable" | "refused" | "timeout",
  state: string,
  cure: string,
): ClusterError {
  return etcdError(code, `connect to etcd at ${text}`, state, cure);
}
