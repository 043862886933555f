/** @module */

import { ClusterError, type Files, type Millis } from "../../mod.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";

/** Where etcd is and what to register. */
export interface EtcdDiscoveryOptions {
  /** The service: nodes of one cluster use the same, and are found under `/services/<serviceName>/`. */
  readonly serviceName: string;
  /**
   * `host:port` of the members, with `http://` or `https://` or neither: then TLS is used when one of the files below
   * is given. At least one; when one does not answer, the next is asked.
   */
  readonly endpoints: readonly string[];
  /** User name, with `password`; left out: etcd asks for none. */
  readonly username?: string | undefined;
  /** Left out with `username`. */
  readonly password?: string | undefined;
  /** Path of the authorities to trust, PEM; left out: the platform's. Read at `open`. */
  readonly caFile?: string | undefined;
  /** Path of our certificate, PEM, with `keyFile`; left out: etcd asks for none. Read at `open`. */
  readonly certFile?: string | undefined;
  /** Path of the certificate's key, PEM. Read at `open`. */
  readonly keyFile?: string | undefined;
  /**
   * How long etcd keeps the registration of a node that has died; whole seconds, renewed three times as often.
   *
   * @default {30_000}
   */
  readonly leaseMs?: Millis;
  /**
   * How long one question may take over all endpoints; each has its share, a second at least.
   *
   * @default {10_000}
   */
  readonly timeoutMs?: Millis;
  /**
   * Drop inbound HTTP/2 GOAWAY frames before `node:http2` sees them: Deno 2.9 may abort on them.
   *
   * @default {true on Deno, false elsewhere}
   */
  readonly goawayGuard?: boolean;
}

/** The options with nothing left open. */
export interface ResolvedEtcd {
  readonly serviceName: string;
  readonly endpoints: readonly Endpoint[];
  readonly credentials: { readonly name: string; readonly password: string } | undefined;
  readonly files: TlsFiles;
  readonly leaseMs: Millis;
  /** What one endpoint may take for connecting and answering. */
  readonly attemptMs: Millis;
  readonly goawayGuard: boolean;
}

interface TlsFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** What TLS needs, read. */
export interface TlsMaterial {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

const LEASE_MS_MIN = 1_000;
const LEASE_MS_MAX = 24 * 3_600_000;

/** Checks the options; throws `ClusterError` `bad-config` for what cannot work. */
export function resolveEtcd(options: EtcdDiscoveryOptions): ResolvedEtcd {
  const { serviceName, username, password, caFile, certFile, keyFile } = options;
  const { leaseMs = 30_000, timeoutMs = 10_000, goawayGuard = "Deno" in globalThis } = options;
  if (!/^[^/\s]{1,255}$/.test(serviceName)) {
    throw unusable(`the service name is ${JSON.stringify(serviceName)}`, "use one without / in it");
  }
  if (options.endpoints.length === 0) throw unusable("there is no endpoint", "name one at least");
  refuseHalf(username, password, "a user name and its password");
  refuseHalf(certFile, keyFile, "a certificate and its key");
  if (!Number.isInteger(leaseMs / 1_000) || leaseMs < LEASE_MS_MIN || leaseMs > LEASE_MS_MAX) {
    throw unusable(`leaseMs is ${leaseMs}`, "use whole seconds, a day at most");
  }
  if (!(timeoutMs > 0)) throw unusable(`timeoutMs is ${timeoutMs}`, "use more than 0");
  const files = { ca: caFile, cert: certFile, key: keyFile };
  const isTlsMeant = (caFile ?? certFile) !== undefined;
  const endpoints = options.endpoints.map((text) => parseEndpoint(text, isTlsMeant));
  const plain = endpoints.find(({ tls }) => !tls);
  if (isTlsMeant && plain !== undefined) {
    throw unusable(`${plain.text} is without TLS and certificates are given`, "say https://");
  }
  return {
    serviceName,
    endpoints,
    credentials: username === undefined || password === undefined
      ? undefined
      : { name: username, password },
    files,
    leaseMs,
    attemptMs: Math.max(timeoutMs / endpoints.length, 1_000),
    goawayGuard,
  };
}

/** Reads the files; rejects with `ClusterError` `bad-config` when one can't be. */
export async function readMaterial(
  { ca, cert, key }: TlsFiles,
  files: Files,
): Promise<TlsMaterial> {
  const read = async (path: string | undefined): Promise<string | undefined> => {
    if (path === undefined) return undefined;
    try {
      return await files.readText(path);
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      throw new ClusterError("bad-config", `Cannot use TLS with etcd: ${what}`, { cause });
    }
  };
  return { ca: await read(ca), cert: await read(cert), key: await read(key) };
}

function refuseHalf(one: unknown, other: unknown, what: string): void {
  if ((one === undefined) === (other === undefined)) return;
  throw unusable(`${what} belong together and one is missing`, "give both or neither");
}

function unusable(what: string, cure: string): ClusterError {
  return new ClusterError("bad-config", `Cannot discover nodes by etcd: ${what}, ${cure}`);
}
