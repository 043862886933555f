/**
 * Leaders are computed, not voted: everybody who sees the same members names the same leaders (spec `cluster.md` 5).
 *
 * @module
 */

import { compareUtf8 } from "../utf8_order.ts";

/** What the rule needs to know of a member that has our metadata; foreign members are not handed in. */
export interface LeaderCandidate {
  /** What people call the node; ids are compared by UTF-8 bytes. */
  readonly nodeId: string;
  /** Its region, `unknown` when it has none. */
  readonly region: string;
  /** Suspects keep their seat; the dead and the left lose it at once. */
  readonly state: "alive" | "suspect" | "dead" | "left";
}

/** Who leads, as one node sees it. It orders that node's view; it is no fence. */
export interface Leaders {
  /** Node id of the cluster leader; `undefined` when nobody may lead. */
  readonly cluster: string | undefined;
  /** Node id of the leader of each region that has a candidate, by region, sorted by name. */
  readonly regions: ReadonlyMap<string, string>;
}

/** A seat that changed hands. */
export interface LeaderChange {
  /** `undefined` for the cluster's seat. */
  readonly region: string | undefined;
  /** Node id of who held it; `undefined`: nobody. */
  readonly from: string | undefined;
  /** Node id of who holds it now; `undefined`: nobody. */
  readonly to: string | undefined;
}

/** The smallest node id (by UTF-8 bytes) that is alive or suspect wins, in the cluster and in each region. */
export function computeLeaders(candidates: Iterable<LeaderCandidate>): Leaders {
  let cluster: string | undefined;
  const regions = new Map<string, string>();
  for (const { nodeId, region, state } of candidates) {
    if (state !== "alive" && state !== "suspect") continue;
    if (cluster === undefined || compareUtf8(nodeId, cluster) < 0) cluster = nodeId;
    const seated = regions.get(region);
    if (seated === undefined || compareUtf8(nodeId, seated) < 0) regions.set(region, nodeId);
  }
  return { cluster, regions: new Map([...regions].sort(([a], [b]) => compareUtf8(a, b))) };
}

/** The seats that differ, the cluster's first, then the regions' in order of name. */
export function leaderChanges(before: Leaders, after: Leaders): LeaderChange[] {
  const changes: LeaderChange[] = [];
  if (before.cluster !== after.cluster) {
    changes.push({ region: undefined, from: before.cluster, to: after.cluster });
  }
  const names = [...new Set([...before.regions.keys(), ...after.regions.keys()])].sort(compareUtf8);
  for (const region of names) {
    const from = before.regions.get(region);
    const to = after.regions.get(region);
    if (from !== to) changes.push({ region, from, to });
  }
  return changes;
}
