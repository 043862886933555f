/**
 * Puts a node together: machines from the core, ports from the runtime, options from the configuration.
 *
 * @module
 */

import { resolveConfig } from "../config/resolve.ts";
import type { DiscoveryConfig, ResolvedConfig } from "../config/resolved.ts";
import { ClusterError } from "../core/errors.ts";
import type { DiscoveryProvider } from "../ports/discovery.ts";
import type { LogSink } from "../ports/observer.ts";
import type { StorageProvider } from "../ports/storage.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { ClusterNode } from "./cluster_node.ts";
import type { FinderSource } from "./finder.ts";
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
  /**
   * Makes the way to find peers that an entry of the configuration asks for (`discovery`, `discoveries`), such as
   * `etcdDiscovery`; called once per entry.
   */
  readonly discovery?: (
    config: DiscoveryConfig,
  ) => DiscoveryProvider | undefined | Promise<DiscoveryProvider | undefined>;
  /**
   * Ways to find peers besides those of the configuration, which may then name none. Hosts that they list without a port
   * are tried at our own gossip port.
   *
   * @default {[]}
   */
  readonly discoverySources?: readonly DiscoveryProvider[];
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
    hasSources: (options.discoverySources?.length ?? 0) > 0,
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
  const sources = config.enabled ? await discoverySources(config, options) : [];
  return await Node.start(runtime, config, guarded(options.log ?? (() => {})), provider, sources);
}

/** The ways to find peers of the configuration and of the options; throws `unsupported` when nobody makes one. */
export async function discoverySources(
  config: ResolvedConfig,
  { discovery, discoverySources = [] }: CreateNodeOptions,
): Promise<readonly FinderSource[]> {
  const sources: FinderSource[] = [];
  for (const entry of config.discoveries) {
    const provider = await discovery?.(entry);
    if (provider === undefined) {
      throw new ClusterError(
        "unsupported",
        `Cannot start the node: nobody made the discovery of type ${JSON.stringify(entry.type)}, ` +
          'pass createNode the option "discovery", or name the peers in cluster_config.peers',
      );
    }
    const { bindPort: defaultPort, allowedAddressSpace: allowed } = entry;
    sources.push({ provider, defaultPort, allowed });
  }
  for (const provider of discoverySources) {
    sources.push({ provider, defaultPort: undefined, allowed: [] });
  }
  return sources;
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
}
