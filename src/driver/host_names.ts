/**
 * Peers as operators write them, `host:port`, become addresses.
 *
 * @module
 */

import { type HostPort, parseHostPort } from "../config/host_port.ts";
import { formatAddress, ipToBytes } from "../core/address.ts";
import { ClusterError } from "../core/errors.ts";
import type { Address } from "../core/machine.ts";
import type { Dns } from "../ports/dns.ts";

/** Reads an entry; throws `ClusterError` `bad-config` quoting it when it is not `host:port` or `[ipv6]:port`. */
export function hostPort(entry: string): HostPort {
  const parsed = parseHostPort(entry);
  if (parsed !== undefined) return parsed;
  throw new ClusterError(
    "bad-config",
    `Cannot read the peer address: ${
      JSON.stringify(entry)
    } is neither "host:port" nor "[ipv6]:port"`,
  );
}

/** All addresses of an entry; empty when its name does not resolve now. */
export async function resolveHostPort({ host, port }: HostPort, dns: Dns): Promise<Address[]> {
  if (ipToBytes(host) !== undefined) return [formatAddress(host, port)];
  return (await dns.addresses(host)).map((ip) => formatAddress(ip, port));
}
