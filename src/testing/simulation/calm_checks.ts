/**
 * Invariants of a cluster that nothing disturbs any more: it becomes one again, forgets the gone and accuses nobody.
 *
 * @module
 */

import type { MembershipEvent } from "../../core/membership/contract.ts";
import type { Checker, World } from "./checker.ts";
import { membershipDifference } from "./convergence.ts";
import type { SimNode } from "./sim_node.ts";

/** How long a cluster must have been calm before a death of the living is a fault of ours. */
const SETTLED_MS = 90_000;

/** Checks membership against the world as it is. */
export function calmChecks(world: World): Checker {
  let checkedAt = -1;

  function forgotten(): void {
    const names: Set<string> = new Set();
    for (const node of world.nodes) if (node.isUp) names.add(node.name);
    const endedAt: Map<string, number> = new Map();
    for (const { name, endedAt: at } of world.nodes) {
      if (at !== undefined) endedAt.set(name, Math.max(at, endedAt.get(name) ?? 0));
    }
    const { forgetMs } = world.bounds;
    for (const node of world.nodes) {
      for (const { name, state } of node.members()) {
        if (names.has(name)) continue;
        const goneMs = world.now - Math.max(endedAt.get(name) ?? 0, world.calmSince);
        if (goneMs < forgetMs) continue;
        world.report(
          "identities-do-not-pile-up",
          node,
          `${name} is listed as ${state} ${Math.round(goneMs)} ms after its end`,
        );
      }
    }
  }

  function unheard(): void {
    const { membershipMs } = world.bounds;
    for (const node of world.nodes) {
      const { life } = node;
      if (life === undefined || !node.isMember) continue;
      if (world.now - Math.max(life.startedAt, world.calmSince) < membershipMs) continue;
      const others = world.nodes.filter((other) =>
        other !== node && other.isMember && other.group === node.group
      );
      if (others.length > 0 && others.every((other) => !isLive(other, node.name))) {
        world.report("the-living-are-not-dead-to-all", node, "nobody lists it as live");
      }
    }
  }

  function converged(): void {
    const difference = membershipDifference(world.nodes);
    if (difference !== undefined) world.report("membership-converges", undefined, difference);
  }

  return {
    invariants: [
      "membership-converges",
      "the-living-are-not-dead-to-all",
      "identities-do-not-pile-up",
      "the-living-are-not-killed-in-calm",
    ],
    membership(node: SimNode, event: MembershipEvent) {
      if (event.type !== "gone" || event.member.state !== "dead") return;
      if (world.now - world.calmSince < SETTLED_MS) return;
      const victim = world.nodes.find(({ name, isMember }) =>
        isMember && name === event.member.name
      );
      if (victim?.life === undefined || world.now - victim.life.startedAt < SETTLED_MS) return;
      world.report("the-living-are-not-killed-in-calm", node, `${victim.nodeId} is declared dead`);
    },
    look() {
      const calmMs = world.now - world.calmSince;
      if (!(calmMs >= world.bounds.membershipMs)) {
        checkedAt = -1;
        return;
      }
      const mayForget = calmMs >= world.bounds.forgetMs;
      const checked = world.changes * 2 + (mayForget ? 1 : 0);
      if (checked === checkedAt) return;
      checkedAt = checked;
      unheard();
      converged();
      if (mayForget) forgotten();
    },
  };
}

function isLive(observer: SimNode, name: string): boolean {
  const state = observer.life?.gossip.machine.member(name)?.state;
  return state === "alive" || state === "suspect";
}
