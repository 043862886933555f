/** @module */

import { type DiscoverySelf, formatAddress } from "../../mod.ts";
import type { ResolvedConsul } from "./options.ts";

/** The most that Consul takes as a value of its metadata. */
const META_CHARS_MAX = 512;

/** The id under which the agent knows this node. */
export function serviceId(options: ResolvedConsul, nodeId: string): string {
  return `${options.serviceName}-${nodeId}`;
}

/** What the agent is told of this node, in the words of the package. */
export function registrationOf(
  options: ResolvedConsul,
  self: DiscoverySelf,
): Readonly<Record<string, unknown>> {
  const { ip, port, rpcPort } = self;
  return {
    name: options.serviceName,
    id: serviceId(options, self.nodeId),
    address: ip,
    port,
    meta: {
      node_id: self.nodeId,
      boot_id: self.bootId,
      region: self.region,
      rpc_port: String(rpcPort),
      version: self.version,
      capabilities: fitting(self.capabilities),
    },
    checks: [
      check(options, "gossip", formatAddress(ip, port)),
      check(options, "rpc", formatAddress(ip, rpcPort)),
    ],
  };
}

function check(
  options: ResolvedConsul,
  plane: string,
  tcp: string,
): Readonly<Record<string, unknown>> {
  const interval = `${options.checkIntervalMs}ms`;
  return {
    name: `${plane} port ${tcp}`,
    tcp,
    interval,
    timeout: interval,
    // Both ports are bound. The first check comes up to an interval later, and until then peers would not see us.
    status: "passing",
    deregistercriticalserviceafter: `${options.deregisterAfterMs}ms`,
  };
}

/** As many whole names as fit. */
function fitting(names: readonly string[]): string {
  let text = "";
  for (const name of names) {
    const longer = text === "" ? name : `${text},${name}`;
    if (longer.length > META_CHARS_MAX) break;
    text = longer;
  }
  return text;
}
