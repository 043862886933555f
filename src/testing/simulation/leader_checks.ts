/**
 * Invariants of leaders.
 *
 * @module
 */

import { decodeNodeMeta } from "../../driver/node_meta.ts";
import type { Checker, World } from "./checker.ts";
import type { SimNode } from "./sim_node.ts";

/** Checks that every node names the leaders that the rule names, computed here on its own. */
export function leaderChecks(world: World): Checker {
  const dirty: Set<SimNode> = new Set();
  const regions: Map<Uint8Array, { nodeId: string; region: string } | undefined> = new Map();

  function identity(meta: Uint8Array): { nodeId: string; region: string } | undefined {
    if (!regions.has(meta)) {
      if (regions.size > 50_000) regions.clear();
      regions.set(meta, decodeNodeMeta(meta));
    }
    return regions.get(meta);
  }

  function said(node: SimNode): string {
    const leaders = node.leaders;
    return [leaders?.cluster, ...[...leaders?.regions ?? []].map((seat) => seat.join("="))]
      .join(" ");
  }

  function expected(node: SimNode): string {
    const ids: string[] = [];
    const byRegion: Map<string, string[]> = new Map();
    for (const { state, meta } of node.members()) {
      if (state !== "alive" && state !== "suspect") continue;
      const known = identity(meta);
      if (known === undefined) continue;
      ids.push(known.nodeId);
      const inRegion = byRegion.get(known.region);
      if (inRegion === undefined) byRegion.set(known.region, [known.nodeId]);
      else inRegion.push(known.nodeId);
    }
    const seats = [...byRegion]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([region, nodeIds]) => `${region}=${least(nodeIds)}`);
    return [least(ids), ...seats].join(" ");
  }

  return {
    invariants: ["leaders-follow-the-rule", "equal-views-have-equal-leaders"],
    leaders: (node) => dirty.add(node),
    ended: (node) => dirty.delete(node),
    look() {
      if (dirty.size === 0) return;
      for (const node of dirty) {
        const rule = expected(node);
        if (said(node) !== rule) {
          world.report("leaders-follow-the-rule", node, `says "${said(node)}", not "${rule}"`);
        }
      }
      dirty.clear();
      const byView: Map<string, SimNode> = new Map();
      for (const node of world.nodes) {
        if (!node.isUp) continue;
        const view = node.live().join(" ");
        const first = byView.get(view);
        if (first === undefined) byView.set(view, node);
        else if (said(first) !== said(node)) {
          world.report(
            "equal-views-have-equal-leaders",
            node,
            `says "${said(node)}", ${first.nodeId} "${said(first)}"`,
          );
        }
      }
    },
  };
}

function least(ids: readonly string[]): string | undefined {
  let found: string | undefined;
  for (const id of ids) if (found === undefined || id < found) found = id;
  return found;
}
