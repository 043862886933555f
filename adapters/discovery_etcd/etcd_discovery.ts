/**
 * Peers found in etcd, version 3: every node keeps an entry there under a lease, and watches those of the others.
 *
 * ```ts
 * import { etcdDiscovery } from "@althing/cluster/discovery-etcd";
 *
 * const provider = etcdDiscovery({
 *   serviceName: "gateway",
 *   endpoints: ["https://etcd-1.example:2379", "https://etcd-2.example:2379"],
 *   username: "gateway",
 *   password: "secret",
 * });
 * console.log(provider.name); // asks nobody yet
 * ```
 *
 * The entry is `/services/<serviceName>/<node id>`, a user needs the right to read and write what begins with
 * `/services/<serviceName>/`. gRPC comes from the optional peers `@connectrpc/connect` and `@connectrpc/connect-node`,
 * which links between nodes need as well.
 *
 * @module
 */

import type { DiscoveryContext, DiscoveryProvider, DiscoverySession } from "../../mod.ts";
import { EtcdClient } from "./client.ts";
import { EtcdSession } from "./etcd_session.ts";
import { type EtcdDiscoveryOptions, readMaterial, resolveEtcd } from "./options.ts";

export type { EtcdDiscoveryOptions };

/** Finds peers in etcd; throws `ClusterError` `bad-config` for options that can't work. */
export function etcdDiscovery(options: EtcdDiscoveryOptions): DiscoveryProvider {
  const resolved = resolveEtcd(options);
  return {
    name: "etcd",
    async open(context: DiscoveryContext): Promise<DiscoverySession> {
      const material = await readMaterial(resolved.files, context.runtime.files);
      return new EtcdSession(new EtcdClient(resolved, material, context), context, resolved);
    },
  };
}
