/** @module */

import type { ResolvedConfig } from "../config/resolved.ts";
import { CELL_TYPE } from "../core/limits/contract.ts";
import { CAPABILITIES, type ReplicationOptions } from "../core/replication/config.ts";

/** How a node's replication is tuned: whoever has nobody to look for, peers or `sources`, waits for nobody. */
export function replicationOptions(
  config: ResolvedConfig,
  bootId: string,
  sources: number,
): ReplicationOptions {
  const looks = config.enabled && config.peers.length + sources > 0;
  return {
    nodeId: config.nodeId,
    bootId,
    capabilities: CAPABILITIES,
    joinTimeoutMs: looks ? config.joinTimeoutMs : 0,
    expectedNodes: config.expectedNodes ?? 0,
    ackedTypes: new Set([CELL_TYPE]),
  };
}
