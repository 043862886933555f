/** @module */

import { isIP } from "node:net";
import { ClusterError, formatAddress } from "../../mod.ts";

/** One member of etcd, as clients reach it. */
export interface Endpoint {
  /** An IP or a name; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** With its scheme, for messages and as the origin of calls. */
  readonly text: string;
}

/** A host name as resolvers take it. */
const NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?$/;

/** Splits `host:port`; `undefined` when it is neither a name nor an IP with a port. IPv6 comes in brackets. */
export function splitHostPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]{2,64})\]|([^:[\]]{1,253})):([1-9]\d{0,4})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  const [, bracketed, plain] = match;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined;
  return plain !== undefined && NAME.test(plain) ? { host: plain, port } : undefined;
}

/** Reads `[http[s]://]host:port`; throws `ClusterError` `bad-config` for anything else. */
export function parseEndpoint(text: string, isTlsMeant: boolean): Endpoint {
  const [, scheme, rest = ""] = /^(?:(https?):\/\/)?(.*?)\/?$/.exec(text) ?? [];
  const found = splitHostPort(rest);
  if (found === undefined) {
    throw new ClusterError(
      "bad-config",
      `Cannot discover nodes by etcd: the endpoint ${JSON.stringify(text)} is no address, ` +
        "write it like 10.0.0.5:2379 or https://etcd-1.example:2379",
    );
  }
  const tls = scheme === undefined ? isTlsMeant : scheme === "https";
  const place = formatAddress(found.host, found.port);
  return { ...found, tls, text: `${tls ? "https" : "http"}://${place}` };
}
