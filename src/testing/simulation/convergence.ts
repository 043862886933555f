/**
 * Whether nodes that can hear one another agree: on the members, and on the entries.
 *
 * @module
 */

import type { StoredEntry } from "../../core/replication/entry.ts";
import type { SimNode } from "./sim_node.ts";

/** The first disagreement about members; `undefined` when every node lists exactly its group, all alive. */
export function membershipDifference(nodes: readonly SimNode[]): string | undefined {
  const groups: Map<string, Set<string>> = new Map();
  for (const node of nodes) {
    if (!node.isMember) continue;
    const names = groups.get(node.group);
    if (names === undefined) groups.set(node.group, new Set([node.name]));
    else names.add(node.name);
  }
  for (const node of nodes) {
    if (!node.isMember) continue;
    const names = groups.get(node.group) as Set<string>;
    let alive = 0;
    for (const { name, state } of node.members()) {
      if (state === "alive" && names.has(name)) alive++;
      else if (state === "alive" || state === "suspect") {
        return `${node.nodeId} lists ${name} as ${state}`;
      }
    }
    if (alive === names.size) continue;
    const missing = [...names].filter((name) =>
      node.life?.gossip.machine.member(name)?.state !== "alive"
    );
    return `${node.nodeId} lists ${alive} of ${names.size} as alive, not ${missing.join(", ")}`;
  }
  return undefined;
}

/** The first disagreement about entries; `undefined` when the stores of every group are the same to the byte. */
export function storeDifference(nodes: readonly SimNode[]): string | undefined {
  const firsts: Map<string, SimNode> = new Map();
  for (const node of nodes) {
    const machine = node.isMember ? node.life?.links?.machine : undefined;
    if (machine === undefined) continue;
    if (!machine.synced) return `${node.nodeId} has not had its first sync`;
    const first = firsts.get(node.group);
    if (first === undefined) {
      firsts.set(node.group, node);
      continue;
    }
    const ours = machine.store;
    const theirs = first.life?.links?.machine.store;
    if (theirs === undefined) continue;
    if (ours.size !== theirs.size) {
      return `${node.nodeId} holds ${ours.size} entries, ${first.nodeId} ${theirs.size}: ` +
        `${oddOnes(node, first).slice(0, 3).join(", ")}`;
    }
    for (const entry of first.entries()) {
      const same = ours.find(entry.type, entry.key)?.entry;
      if (same === undefined || !sameBytes(same.bytes, entry.bytes)) {
        return `${node.nodeId} and ${first.nodeId} differ in ${entry.type}/${entry.key}`;
      }
    }
  }
  return undefined;
}

function oddOnes(a: SimNode, b: SimNode): string[] {
  const nameOf = ({ type, key }: StoredEntry): string => `${type}/${key}`;
  const ofA = new Set([...a.entries()].map(nameOf));
  const ofB = new Set([...b.entries()].map(nameOf));
  return [...[...ofA].filter((id) => !ofB.has(id)), ...[...ofB].filter((id) => !ofA.has(id))];
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
