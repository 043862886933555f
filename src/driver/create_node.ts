/**
 * Puts a node together: machines from the core, ports from the runtime, options from the configuration.
 *
 * @module
 */

import { resolveConfig } from "../config/resolve.ts";
import type { ResolvedConfig } from "../config/resolved.ts";
import { ClusterError } from "../core/errors.ts";
import type { LogSink } from "../ports/observer.ts";
import type { StorageProvider } from "../ports/storage.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { ClusterNode } from "./cluster_node.ts";
import { Node } from "./node.ts";

/** What a node may be given besides its configuration. */
export interface CreateNodeOptions {
  /** Where log records go. @default {nowhere} */
  readonly log?: LogSink;
  /**
   * Makes the storage that the configuration asks for, such as `sqliteStorage`; called unless it says `memory`. The
   * node opens and closes what it answers.
   */
  readonly storage?: (
    config: ResolvedConfig,
  ) => StorageProvider | undefined | Promise<StorageProvider | undefined>;
}

/**
 * Starts a node: `file` is the content of a configuration file (spec `cluster.md` 3), the same whether it comes from
 * JSON, YAML or code. Resolves once the ports are bound; joining goes on in the background, see
 * {@linkcode ClusterNode.readiness}. Rejects with `ClusterError` `bad-config`, `bind-failed`, `bad-data` or
 * `unsupported`, with nothing left open.
 *
 * ```ts
 * import { createNode } from "@althing/cluster";
 * import { denoRuntime } from "@althing/cluster/deno";
 *
 * await using node = await createNode(denoRuntime(), {
 *   cluster_config: { enabled: true, node_id: "gw-1", peers: ["10.0.0.2:10101"] },
 * });
 * const keys = node.entities<{ active: boolean }>("virtual_key");
 * keys.set("vk-42", { active: true }); // true on every node, milliseconds later
 * ```
 */
export async function createNode(
  runtime: Runtime,
  file: unknown,
  options: CreateNodeOptions = {},
): Promise<ClusterNode> {
  const config = resolveConfig(file, {
    env: (name) => runtime.env.get(name),
    hostName: runtime.interfaces.hostName(),
  });
  refuseWhatIsNotBuilt(config);
  const { type } = config.storage;
  const provider = type === "memory" ? undefined : await options.storage?.(config);
  if (type !== "memory" && provider === undefined) {
    throw new ClusterError(
      "unsupported",
      `Cannot start the node: nobody made the storage ${
        JSON.stringify(type)
      }, pass createNode the option ` +
        `"storage", or set cluster_config.storage.type to "memory"`,
    );
  }
  return await Node.start(runtime, config, guarded(options.log ?? (() => {})), provider);
}

/** A sink that throws loses its record, not the node. */
function guarded(log: LogSink): LogSink {
  return (record) => {
    try {
      log(record);
    } catch {
      // Where should it be told? The sink is where things are told.
    }
  };
}

/** Says in one sentence what a valid configuration asks for that this version can't do. */
function refuseWhatIsNotBuilt(config: ResolvedConfig): void {
  const refuse = (what: string, instead: string): never => {
    throw new ClusterError(
      "unsupported",
      `Cannot start the node: ${what} is not part of this version, ${instead}`,
    );
  };
  if (!config.enabled) return;
  if (config.type === "broker") refuse('cluster_config.type "broker"', 'use "mesh"');
  if (config.discovery !== undefined) {
    refuse(
      `cluster_config.discovery.type ${JSON.stringify(config.discovery.type)}`,
      "set discovery.enabled to false and name the peers in cluster_config.peers",
    );
  }
}
