/** @module */

import type { OutgoingHttpHeaders } from "node:http";
import type { RequestOptions } from "node:https";
import { ClusterError } from "../../mod.ts";
import type { ApiAccess } from "./access.ts";

type ClientNode = typeof import("@kubernetes/client-node");

/**
 * The current context of a kubeconfig file, with all that `@kubernetes/client-node` knows of those: certificates,
 * tokens, programs that print a token, proxies. The file is read anew for every request. Rejects with `ClusterError`
 * `bad-config` for a file that can't be used, `unsupported` without the package.
 */
export async function openKubeconfig(path: string): Promise<ApiAccess> {
  const { KubeConfig } = await loadClientNode();
  const load = (): InstanceType<ClientNode["KubeConfig"]> => {
    const config = new KubeConfig();
    try {
      config.loadFromFile(path);
    } catch (cause) {
      refuse(path, `it can't be read (${firstLine(cause)}), check the path and the file`, cause);
    }
    return config;
  };
  const first = load();
  const context = first.getContextObject(first.getCurrentContext());
  const server = first.getCurrentCluster()?.server;
  if (context === null || server === undefined) {
    const name = JSON.stringify(first.getCurrentContext() ?? "");
    refuse(path, `its current context ${name} leads to no cluster, set current-context`);
  }
  if (!URL.canParse(server) || new URL(server).protocol !== "https:") {
    refuse(path, `its server is ${JSON.stringify(server)}, use one that begins with https://`);
  }
  return {
    server: server.replace(/\/+$/, ""),
    namespace: context.namespace,
    credentials: `the kubeconfig "${path}"`,
    async request() {
      const options: RequestOptions = {};
      await load().applyToHTTPSOptions(options);
      return { ...options, headers: trimmed(options.headers) };
    },
  };
}

/** Token files end in a line feed, which no header may. */
function trimmed(headers: RequestOptions["headers"]): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => {
      return [name, typeof value === "string" ? value.trim() : value];
    }),
  );
}

/** Loaded only here: it takes a second and 70 MiB, which a pod with a service account saves. */
async function loadClientNode(): Promise<ClientNode> {
  try {
    return await import("@kubernetes/client-node");
  } catch (cause) {
    throw new ClusterError(
      "unsupported",
      'Cannot read a kubeconfig for Kubernetes: the package "@kubernetes/client-node" is not ' +
        'installed, add it (npm install "@kubernetes/client-node@1")',
      { cause },
    );
  }
}

function refuse(path: string, what: string, cause?: unknown): never {
  const message = `Cannot find peers by Kubernetes with the kubeconfig "${path}": ${what}`;
  throw new ClusterError("bad-config", message, { cause });
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split("\n", 1)[0]!.slice(0, 200);
}
