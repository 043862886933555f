/** @module */

import type { RequestOptions } from "node:https";
import type { Runtime } from "../../mod.ts";
import type { ResolvedKubernetes } from "./options.ts";
import { openKubeconfig } from "./kubeconfig.ts";
import { openServiceAccount } from "./service_account.ts";

/** Where the API server is, and by what right we ask it. */
export interface ApiAccess {
  /** Such as `https://10.96.0.1:443`, perhaps with a path. */
  readonly server: string;
  /** The namespace that belongs to the credentials, where they have one. */
  readonly namespace: string | undefined;
  /** What the credentials are, for people. */
  readonly credentials: string;
  /**
   * Headers, certificates and agent of a request, as they are now: tokens and certificates are rotated while we run.
   * Rejects with whatever went wrong.
   */
  request(): Promise<RequestOptions>;
}

/** Finds the access that the options mean; rejects with `ClusterError` `bad-config` where there is none. */
export function openAccess(options: ResolvedKubernetes, runtime: Runtime): Promise<ApiAccess> {
  return options.kubeconfig === undefined
    ? openServiceAccount(options.serviceAccountFolder, runtime)
    : openKubeconfig(options.kubeconfig);
}
