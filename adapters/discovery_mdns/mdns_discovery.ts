/**
 * Finds nodes by multicast DNS (RFC 6762) and DNS-SD (RFC 6763): each registers itself as a service of its network, which
 * Avahi and Bonjour see as well, and browses for the others. Needs the package `multicast-dns`.
 *
 * @module
 */

import type { DiscoveryProvider } from "../../mod.ts";
import { linkOpener } from "./link.ts";
import { MdnsSession } from "./mdns_session.ts";
import { loadMulticastDns } from "./multicast_package.ts";

/** What to look for. */
export interface MdnsDiscoveryOptions {
  /** The type of service that nodes register and browse, such as `_gateway._tcp`. */
  readonly service: string;
}

/**
 * A way to find peers on the networks that this machine is connected to. It listens on UDP port 5353, which it shares with
 * an Avahi or other programs of the machine, on each interface with an address other than loopback. `open` rejects with
 * `ClusterError` `unsupported` where the package `multicast-dns` is not installed.
 */
export function mdnsDiscovery(options: MdnsDiscoveryOptions): DiscoveryProvider {
  const { service } = options;
  return {
    name: "mdns",
    async open(context) {
      const openLink = linkOpener(await loadMulticastDns());
      return new MdnsSession({ context, service, openLink });
    },
  };
}
