import { ClusterError, type DiscoveryConfig, type DiscoveryProvider } from "../../mod.ts";

/**
 * The way to find peers that an entry of the configuration asks for; only its own adapter is loaded. Throws
 * `ClusterError` `unsupported` for one that this build does not have.
 */
export function openDiscovery(config: DiscoveryConfig): Promise<DiscoveryProvider> {
  // Each provider's case loads its adapter by a dynamic import.
  switch (config.type) {
    case "kubernetes":
    case "consul":
    case "etcd":
    case "dns":
    case "udp":
    case "mdns":
      return Promise.reject(
        new ClusterError(
          "unsupported",
          `Cannot find peers by discovery of type "${config.type}": this build does not have it, ` +
            "name the peers in cluster_config.peers",
        ),
      );
  }
}
