/**
 * Peers by beacons on the local network: nodes broadcast that they are there, and answer those who ask.
 *
 * ```ts
 * import { udpDiscovery } from "@althing/cluster/discovery-udp";
 *
 * const provider = udpDiscovery({
 *   serviceName: "gateway",
 *   port: 10100,
 *   allowedAddressSpace: ["10.0.0.0/8"],
 * });
 * console.log(provider.name); // sends nothing yet
 * ```
 *
 * IPv4 only, for IPv6 has no broadcast, and one network segment only, for routers pass no broadcast on. With gossip keys,
 * beacons prove one, and those that don't are dropped; without keys whoever reaches the port may list anybody. The format
 * is in `docs/protocol.md`, "Beacons".
 *
 * @module
 */

import {
  ClusterError,
  type DiscoveryContext,
  type DiscoveryProvider,
  type DiscoverySession,
} from "../../mod.ts";
import { resolveUdp, type UdpDiscoveryOptions } from "./options.ts";
import { UdpSession } from "./session.ts";

export type { UdpDiscoveryOptions };

/** Finds peers by broadcast; throws `ClusterError` `bad-config` for options that make no sense. */
export function udpDiscovery(options: UdpDiscoveryOptions): DiscoveryProvider {
  const resolved = resolveUdp(options);
  return {
    name: "udp",
    // deno-lint-ignore require-await -- what can't work must be a rejection
    async open(context: DiscoveryContext): Promise<DiscoverySession> {
      try {
        return new UdpSession(resolved, context);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new ClusterError("bad-config", `Cannot discover by UDP: ${reason}`, { cause });
      }
    },
  };
}
