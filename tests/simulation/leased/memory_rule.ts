/**
 * The assumption under which `leased` keeps its promise: fewer than half of the voters of any list that may be in force
 * lose their memory before they are replaced. The simulation asks here before it lets anybody forget.
 *
 * @module
 */

import type { VoterList, VoterName } from "../../../src/core/limits/leased/contract.ts";
import { compareLists } from "../../../src/core/limits/leased/epoch.ts";
import type { SimNode } from "./sim_node.ts";

/** Whether these nodes may lose what their voters remember, all at once. */
export function mayForget(
  forgetting: readonly SimNode[],
  nodes: readonly SimNode[],
  shards: number,
): boolean {
  for (let shard = 0; shard < shards; shard++) {
    if (!mayForgetShard(forgetting, nodes, shard)) return false;
  }
  return true;
}

function mayForgetShard(
  forgetting: readonly SimNode[],
  nodes: readonly SimNode[],
  shard: number,
): boolean {
  const held = new Map<string, VoterList>();
  const remembering = new Set<string>();
  const lists: VoterList[] = [];
  for (const node of nodes) {
    if (node.leased === undefined) {
      // Down, with its memory on disk.
      if (node.hasStorage && !node.isGone && !forgetting.includes(node)) {
        remembering.add(node.voter);
      }
      if (node.lastLists[shard] !== undefined && node.hasStorage && !node.isGone) {
        held.set(node.voter, node.lastLists[shard]);
        lists.push(node.lastLists[shard]);
      }
      continue;
    }
    const list = node.leased.voter.list(shard);
    if (list !== undefined) {
      held.set(node.voter, list);
      lists.push(list);
    }
    const rooted = node.leased.root.list(shard);
    if (rooted !== undefined) lists.push(rooted);
    if (!forgetting.includes(node)) remembering.add(node.voter);
  }
  const inForce = lists.filter((list) => list.before === undefined && isStored(list, held))
    .reduce<VoterList | undefined>(
      (newest, each) => newest === undefined || compareLists(each, newest) > 0 ? each : newest,
      undefined,
    );
  return lists.every((list) => {
    if (inForce !== undefined && compareLists(list, inForce) < 0) return true;
    return isKept(list.voters, remembering) &&
      (list.before === undefined || isKept(list.before, remembering));
  });
}

/** Whether a majority of the list knows it, or a newer one. */
function isStored(list: VoterList, held: ReadonlyMap<string, VoterList>): boolean {
  const knowing = list.voters.filter(({ id }) => {
    const known = held.get(id);
    return known !== undefined && compareLists(known, list) >= 0;
  });
  return knowing.length * 2 > list.voters.length;
}

function isKept(voters: readonly VoterName[], remembering: ReadonlySet<string>): boolean {
  const lost = voters.filter(({ id }) => !remembering.has(id)).length;
  return lost * 2 < voters.length;
}
