/** @module */

import { ClusterError, type Files, formatAddress, ipToBytes, type Runtime } from "../../mod.ts";
import type { ApiAccess } from "./access.ts";

/**
 * The service account of the pod that we run in. Its token is rotated by the kubelet, so that every request reads it
 * anew. Rejects with `ClusterError` `bad-config` outside of pods, and in pods that mount no token.
 */
export async function openServiceAccount(folder: string, runtime: Runtime): Promise<ApiAccess> {
  const { env, files } = runtime;
  const host = env.get("KUBERNETES_SERVICE_HOST");
  const port = Number(env.get("KUBERNETES_SERVICE_PORT"));
  if (host === undefined || host === "" || !Number.isInteger(port) || port < 1 || port > 65535) {
    refuse(
      "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so that this is no pod, " +
        "run in one or set discovery.kubeconfig",
    );
  }
  const read = async (): Promise<{ readonly token: string; readonly ca: string }> => {
    const token = await textOfFile(files, `${folder}/token`);
    const ca = await textOfFile(files, `${folder}/ca.crt`);
    if (token !== undefined && ca !== undefined) return { token, ca };
    return refuse(
      `"${folder}/${token === undefined ? "token" : "ca.crt"}" can't be read, ` +
        "let the pod have a service account and automountServiceAccountToken",
    );
  };
  await read();
  return {
    server: `https://${
      ipToBytes(host) === undefined ? `${host}:${port}` : formatAddress(host, port)
    }`,
    namespace: await textOfFile(files, `${folder}/namespace`),
    credentials: "the pod's service account",
    async request() {
      const { token, ca } = await read();
      return { ca, headers: { authorization: `Bearer ${token}` } };
    },
  };
}

function refuse(what: string): never {
  throw new ClusterError("bad-config", `Cannot find peers by Kubernetes: ${what}`);
}

/** The text of a file without the space around it; `undefined` when it can't be read or holds nothing. */
async function textOfFile(files: Files, path: string): Promise<string | undefined> {
  try {
    return (await files.readText(path)).trim() || undefined;
  } catch {
    return undefined;
  }
}
