/**
 * Peers are the pods of a label selector: listed once, then watched, so that a pod that is scaled up is known at once and
 * the API server is asked nothing in between.
 *
 * ```ts
 * import { kubernetesDiscovery } from "@althing/cluster/discovery-kubernetes";
 *
 * const provider = kubernetesDiscovery({ labelSelector: "app=gw,env=prod" });
 * console.log(provider.name); // asks nobody yet
 * ```
 *
 * The service account needs the verbs `get`, `list` and `watch` on `pods` in the namespace.
 *
 * Candidates are pods that run, have an address and were not asked to stop; ours is not among them. Pods that are not
 * ready are: a node becomes ready by finding its peers, so that nodes that start together would wait for each other for
 * ever. They come after the ready ones. A pod of two families is told by the address of the family that we have.
 *
 * @module
 */

import type { DiscoveryContext, DiscoveryProvider, DiscoverySession } from "../../mod.ts";
import { openAccess } from "./access.ts";
import { checkNamespace, type KubernetesDiscoveryOptions, resolveKubernetes } from "./options.ts";
import { PodApi } from "./pod_api.ts";
import { KubernetesSession } from "./session.ts";

export type { KubernetesDiscoveryOptions };

/** Finds pods through the API server; throws `ClusterError` `bad-config` for options that can't work anywhere. */
export function kubernetesDiscovery(options: KubernetesDiscoveryOptions): DiscoveryProvider {
  const resolved = resolveKubernetes(options);
  return {
    name: "kubernetes",
    async open(context: DiscoveryContext): Promise<DiscoverySession> {
      const { runtime, say } = context;
      const access = await openAccess(resolved, runtime);
      const namespace = checkNamespace(resolved.namespace ?? access.namespace ?? "default");
      if (namespace !== "default") {
        say("info", "listing pods in another namespace than default", { namespace });
      }
      return new KubernetesSession(
        new PodApi(access, { ...resolved, namespace }, runtime.clock),
        context,
      );
    },
  };
}
