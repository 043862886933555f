/**
 * Peers by DNS: the addresses of names, and the hosts and ports of their SRV records. By the optional peer `dns-packet`.
 *
 * ```ts
 * import { dnsDiscovery } from "@althing/cluster/discovery-dns";
 *
 * const provider = dnsDiscovery({ names: ["_gossip._tcp.gateway.default.svc.cluster.local"] });
 * console.log(provider.name); // asks nobody yet
 * ```
 *
 * Each name is asked for again when the shortest time to live of its records has passed, at least 5 and at most 60
 * seconds later unless told otherwise. A name whose lookup fails keeps its last answer, and hides no other name. An SRV
 * record counts unless its target is a host that the name's own A or AAAA records list: a headless Service of Kubernetes
 * lists every port of every pod that way. Give the SRV name of the gossip port (`_gossip._tcp.`...) to take ports from it.
 *
 * DNS is passive: nothing is announced. Answers are not authenticated; whoever forges one can make this node dial a
 * stranger, who needs a gossip key to be a member.
 *
 * @module
 */

import type { DiscoveryContext, DiscoveryProvider, DiscoverySession } from "../../mod.ts";
import { loadCodec } from "./message.ts";
import { type DnsDiscoveryOptions, resolveDns } from "./options.ts";
import { DnsSession } from "./session.ts";

export type { DnsDiscoveryOptions };

/** Finds peers by DNS; throws `ClusterError` `bad-config` for options that make no sense. */
export function dnsDiscovery(options: DnsDiscoveryOptions): DiscoveryProvider {
  const resolved = resolveDns(options);
  return {
    name: "dns",
    async open(context: DiscoveryContext): Promise<DiscoverySession> {
      return new DnsSession(resolved, context, await loadCodec());
    },
  };
}
