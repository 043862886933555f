/**
 * Finds peers by Consul, and registers this node there, by the optional peer `consul`.
 *
 * ```ts
 * import { consulDiscovery } from "@althing/cluster/discovery-consul";
 *
 * const provider = consulDiscovery({ serviceName: "gateway", address: "localhost:8500" });
 * console.log(provider.name); // asks nobody yet
 * ```
 *
 * The agent connects to our gossip port and to our RPC port every `checkIntervalMs`; a node whose ports it cannot reach
 * is not told to others, and is deregistered after `deregisterAfterMs`. One blocking query per node is with the agent
 * all the time.
 *
 * @module
 */

import {
  ClusterError,
  type DiscoveryContext,
  type DiscoveryProvider,
  type DiscoverySession,
} from "../../mod.ts";
import { ConsulAgent } from "./agent.ts";
import { type ConsulDiscoveryOptions, resolveConsul, type ResolvedConsul } from "./options.ts";
import { packageClient } from "./package_client.ts";
import { ConsulSession } from "./session.ts";

export type { ConsulDiscoveryOptions };

/** Discovery by Consul; throws `ClusterError` `bad-config` for options that can't work anywhere. */
export function consulDiscovery(options: ConsulDiscoveryOptions): DiscoveryProvider {
  const resolved = resolveConsul(options);
  return {
    name: "consul",
    async open(context): Promise<DiscoverySession> {
      const client = await packageClient(resolved, await caOf(resolved, context));
      const agent = new ConsulAgent(resolved, client);
      return new ConsulSession(resolved, agent, context, () => client.destroy());
    },
  };
}

async function caOf(
  { caFile }: ResolvedConsul,
  { runtime }: DiscoveryContext,
): Promise<string | undefined> {
  if (caFile === undefined) return undefined;
  let ca: string;
  try {
    ca = await runtime.files.readText(caFile);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw unusable(`its CA file can't be read, ${reason}`);
  }
  if (!ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw unusable(`"${caFile}" holds no certificate in PEM, check consul_ca_file`);
  }
  return ca;
}

function unusable(state: string): ClusterError {
  return new ClusterError("bad-config", `Cannot discover peers by Consul: ${state}`);
}
