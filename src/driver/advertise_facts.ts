/** @module */

import { parseHostPort } from "../config/host_port.ts";
import type { DiscoveryConfig, ResolvedConfig } from "../config/resolved.ts";
import { ipToBytes } from "../core/address.ts";
import type { Millis } from "../core/machine.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { AdvertiseFacts } from "./advertise.ts";
import { readRoutes } from "./routes.ts";

/** Names that are not resolved by then have no say. */
const RESOLVE_MS: Millis = 2_000;
/** How many names are resolved for the choice. */
const NAMES_MAX = 32;

/** Gathers what the choice of the advertised address is made from. */
export async function advertiseFacts(
  runtime: Runtime,
  config: ResolvedConfig,
  hasSources: boolean,
): Promise<AdvertiseFacts> {
  const facts = {
    configured: config.advertiseIp,
    bound: config.bindIp,
    interfaces: runtime.interfaces.list(),
    discovers: hasSources,
    allowed: config.discoveries.flatMap(({ allowedAddressSpace }) => allowedAddressSpace),
  };
  if (config.advertiseIp !== undefined || !["0.0.0.0", "::"].includes(config.bindIp)) {
    return { ...facts, peers: [] };
  }
  const [peers, servers, routes] = await Promise.all([
    ipsOf(config.peers.map(({ host }) => host), runtime),
    ipsOf(config.discoveries.flatMap((way) => serverHosts(way, runtime)), runtime),
    readRoutes(runtime.files),
  ]);
  return {
    ...facts,
    peers,
    servers,
    podIps: ["POD_IP", "POD_IPS"]
      .flatMap((name) => (runtime.env.get(name) ?? "").split(","))
      .map((ip) => ip.trim()),
    ...(routes === undefined ? {} : { routes }),
  };
}

/** All addresses of these hosts that are known soon. */
async function ipsOf(hosts: readonly string[], { dns, clock }: Runtime): Promise<string[]> {
  const soon = new Promise<readonly string[]>((resolve) => {
    clock.alarm(clock.now() + RESOLVE_MS, () => resolve([]));
  });
  const answers = hosts.slice(0, NAMES_MAX).map((host) =>
    ipToBytes(host) !== undefined ? [host] : Promise.race([dns.addresses(host), soon])
  );
  return (await Promise.all(answers)).flat();
}

/** The hosts that a way to find peers asks. */
function serverHosts(config: DiscoveryConfig, { env }: Runtime): readonly string[] {
  const hostOf = (endpoint: string): string =>
    parseHostPort(endpoint.replace(/^https?:\/\//, ""))?.host ?? endpoint;
  switch (config.type) {
    case "consul":
      return [hostOf(config.address)];
    case "etcd":
      return config.endpoints.map(hostOf);
    case "kubernetes": {
      const host = env.get("KUBERNETES_SERVICE_HOST");
      return host === undefined ? [] : [host];
    }
    case "dns":
      return config.server === undefined ? [] : [hostOf(config.server)];
    case "udp":
    case "mdns":
      return [];
  }
}
