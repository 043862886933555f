/** @module */

import { ClusterError } from "../../mod.ts";

/** Where pods are listed, and what of them is told. */
export interface KubernetesDiscoveryOptions {
  /**
   * Whose pods: the namespace's name. Left out: the kubeconfig's own, or in a pod the pod's own, else `default`.
   */
  readonly namespace?: string | undefined;
  /** Which pods, as Kubernetes writes it: `app=gw,env=prod`. */
  readonly labelSelector: string;
  /**
   * Path of a kubeconfig file; its current context is used, by the optional peer `@kubernetes/client-node`. Left out:
   * the service account of the pod that we run in.
   */
  readonly kubeconfig?: string | undefined;
  /**
   * Name of the container port that is the gossip port. Pods that name no such port are told without a port.
   *
   * @default {"gossip"}
   */
  readonly gossipPortName?: string;
  /**
   * Name of the container port that is the RPC port. Pods that name no such port are told without it.
   *
   * @default {"grpc"}
   */
  readonly rpcPortName?: string;
  /**
   * How long the API server may take to answer: to begin, and again to end.
   *
   * @default {10_000}
   */
  readonly timeoutMs?: number;
  /**
   * Folder with the `token`, `ca.crt` and `namespace` of the service account.
   *
   * @default {"/var/run/secrets/kubernetes.io/serviceaccount"}
   */
  readonly serviceAccountFolder?: string;
}

/** The options with nothing left open but the namespace, which a file may hold. */
export interface ResolvedKubernetes {
  readonly namespace: string | undefined;
  readonly labelSelector: string;
  readonly kubeconfig: string | undefined;
  readonly gossipPortName: string;
  readonly rpcPortName: string;
  readonly timeoutMs: number;
  readonly serviceAccountFolder: string;
}

/** Checks the options; throws `ClusterError` `bad-config`. */
export function resolveKubernetes(options: KubernetesDiscoveryOptions): ResolvedKubernetes {
  const { namespace, labelSelector } = options;
  if (labelSelector === "") {
    throw new ClusterError(
      "bad-config",
      "Cannot find peers by Kubernetes: the label selector is empty, give one such as app=gw",
    );
  }
  return {
    namespace: namespace === undefined ? undefined : checkNamespace(namespace),
    labelSelector,
    kubeconfig: options.kubeconfig,
    gossipPortName: options.gossipPortName ?? "gossip",
    rpcPortName: options.rpcPortName ?? "grpc",
    timeoutMs: options.timeoutMs ?? 10_000,
    serviceAccountFolder: options.serviceAccountFolder ??
      "/var/run/secrets/kubernetes.io/serviceaccount",
  };
}

/** Answers a name that can be one of a namespace (a DNS label); throws `ClusterError` `bad-config` for others. */
export function checkNamespace(name: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) return name;
  throw new ClusterError(
    "bad-config",
    `Cannot find peers by Kubernetes: the namespace is ${JSON.stringify(name.slice(0, 80))}, ` +
      'allowed are at most 63 lower case letters, digits and "-"',
  );
}
