/**
 * Invariants of membership that hold after every step, whatever the network does.
 *
 * @module
 */

import { parseAddress } from "../../core/address.ts";
import type { Member, MembershipEvent } from "../../core/membership/contract.ts";
import type { Checker, World } from "./checker.ts";
import type { SimNode } from "./sim_node.ts";

/** Checks every node's view against what can be true at all. */
export function membershipChecks(world: World): Checker {
  /** Highest incarnation that a process has shown of a name, per observer's process. */
  const seen: Map<SimNode, Map<string, number>> = new Map();
  const groups: Map<string, string> = new Map();
  const addresses: Map<string, Set<string>> = new Map();
  const dirty: Set<SimNode> = new Set();

  function incarnation(node: SimNode, member: Member): void {
    const known = seen.get(node) as Map<string, number>;
    const before = known.get(member.name) ?? 0;
    if (member.incarnation < before) {
      world.report(
        "incarnation-never-decreases",
        node,
        `${member.name} went from ${before} to ${member.incarnation}`,
      );
    } else known.set(member.name, member.incarnation);
  }

  function address(node: SimNode, { name, address, state }: Member): void {
    if (state !== "alive" && state !== "suspect") return;
    const place = parseAddress(address);
    if (place !== undefined && place.port > 0 && addresses.get(name)?.has(address)) return;
    world.report("the-live-have-an-address", node, `${name} is ${state} at "${address}"`);
  }

  function label(node: SimNode, { name }: Member): void {
    const group = groups.get(name);
    if (group === node.group) return;
    world.report("labels-never-meet", node, `it has met ${name}, which is of "${group}"`);
  }

  function evidence(node: SimNode, { name, state, evidence }: Member): void {
    if (state !== "suspect") return;
    if (evidence === undefined || evidence.accuser === "") {
      world.report("suspects-have-evidence", node, `${name} is suspected by nobody`);
    } else if (!(evidence.sinceMs <= world.now && evidence.deadlineMs >= evidence.sinceMs)) {
      world.report(
        "suspects-have-evidence",
        node,
        `${name} is suspected from ${evidence.sinceMs} until ${evidence.deadlineMs}`,
      );
    }
  }

  function wholeView(node: SimNode): void {
    const members = node.members();
    const names: Set<string> = new Set();
    for (const member of members) {
      if (names.has(member.name)) {
        world.report("nobody-is-listed-twice", node, member.name);
      }
      names.add(member.name);
      incarnation(node, member);
      address(node, member);
      label(node, member);
      evidence(node, member);
    }
    const self = members.find(({ name }) => name === node.name);
    if (node.isMember && self?.state !== "alive") {
      world.report("a-node-knows-itself", node, `it lists itself as ${self?.state ?? "nothing"}`);
    }
  }

  return {
    invariants: [
      "nobody-is-listed-twice",
      "incarnation-never-decreases",
      "the-live-have-an-address",
      "labels-never-meet",
      "suspects-have-evidence",
      "a-node-knows-itself",
    ],
    started(node) {
      seen.set(node, new Map());
      groups.set(node.name, node.group);
      const known = addresses.get(node.name) ?? new Set();
      addresses.set(node.name, known.add(node.options.gossipAddress));
    },
    ended(node) {
      seen.delete(node);
      dirty.delete(node);
    },
    membership(node, event: MembershipEvent) {
      if (!("member" in event)) return;
      const { member } = event;
      incarnation(node, member);
      address(node, member);
      label(node, member);
      evidence(node, member);
      dirty.add(node);
    },
    look() {
      for (const node of dirty) wholeView(node);
      dirty.clear();
    },
  };
}
