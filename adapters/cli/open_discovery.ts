import type { DiscoveryConfig, DiscoveryProvider } from "../../mod.ts";

/**
 * The way to find peers that an entry of the configuration asks for; only its own adapter is loaded.
 */
export async function openDiscovery(config: DiscoveryConfig): Promise<DiscoveryProvider> {
  // Each provider's case loads its adapter by a dynamic import.
  switch (config.type) {
    case "consul": {
      const { consulDiscovery } = await import("../discovery_consul/consul_discovery.ts");
      const { serviceName, address, token, datacenter, caFile, dialTimeoutMs: timeoutMs } = config;
      return consulDiscovery({ serviceName, address, token, datacenter, caFile, timeoutMs });
    }
    case "etcd": {
      const { etcdDiscovery } = await import("../discovery_etcd/etcd_discovery.ts");
      return etcdDiscovery({ ...config, timeoutMs: config.dialTimeoutMs });
    }
    case "kubernetes": {
      const { kubernetesDiscovery } = await import(
        "../discovery_kubernetes/kubernetes_discovery.ts"
      );
      const { namespace, labelSelector, kubeconfig, dialTimeoutMs: timeoutMs } = config;
      return kubernetesDiscovery({ namespace, labelSelector, kubeconfig, timeoutMs });
    }
    case "udp": {
      const { udpDiscovery } = await import("../discovery_udp/udp_discovery.ts");
      const { serviceName, broadcastPort: port, allowedAddressSpace } = config;
      return udpDiscovery({ serviceName, port, allowedAddressSpace });
    }
    case "dns": {
      const { dnsDiscovery } = await import("../discovery_dns/dns_discovery.ts");
      const { names, server, dialTimeoutMs: timeoutMs } = config;
      return dnsDiscovery({ names, server, timeoutMs });
    }
    case "mdns": {
      const { mdnsDiscovery } = await import("../discovery_mdns/mdns_discovery.ts");
      return mdnsDiscovery({ service: config.service });
    }
  }
}
