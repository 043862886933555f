/**
 * Peers as operators write them: `host:port`, `host`, `10.0.0.1:10101`, `[::1]:10101`, `2001:db8::1`.
 *
 * @module
 */

import { formatAddress, ipToBytes } from "../core/address.ts";
import { ClusterError } from "../core/errors.ts";
import type { Address } from "../core/machine.ts";
import type { Dns } from "../ports/dns.ts";

/** A host, an IP or a name, and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Splits an entry; throws `ClusterError` `bad-config` quoting it when it is neither of the forms above. */
export function parseHostPort(entry: string, defaultPort: number): HostPort {
  if (ipToBytes(entry) !== undefined) return { host: entry, port: defaultPort };
  const match = /^(?:\[([^\]]+)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/.exec(entry);
  const bracketed = match?.[1];
  const host = bracketed ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  const valid = host !== undefined && port <= 65535 && port > 0 &&
    (bracketed === undefined || ipToBytes(bracketed) !== undefined);
  if (!valid) {
    throw new ClusterError(
      "bad-config",
      `Cannot read the peer address: ${JSON.stringify(entry)} is neither "host:port" nor "[ipv6]:port"`,
    );
  }
  return { host, port };
}

/** All addresses of an entry; empty when its name does not resolve now. */
export async function resolveHostPort({ host, port }: HostPort, dns: Dns): Promise<Address[]> {
  if (ipToBytes(host) !== undefined) return [formatAddress(host, port)];
  return (await dns.addresses(host)).map((ip) => formatAddress(ip, port));
}
