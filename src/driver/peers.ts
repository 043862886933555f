/**
 * Which of the members are peers to replicate with: one per node id, the latest life of it.
 *
 * @module
 */

import type { LeaderCandidate } from "../core/coordination/leaders.ts";
import type { AwaitedMember } from "../core/replication/awaited.ts";
import type { KnownMember } from "./member_view.ts";
import type { NodeMeta } from "./node_meta.ts";

/** A member of our kind. */
export type Peer = KnownMember & { readonly meta: NodeMeta };

/** What changed since the last look. */
export interface PeerChanges {
  /** New, or restarted under the same id. */
  readonly up: readonly Peer[];
  /** Node ids that are gone. */
  readonly down: readonly string[];
}

/** The peers by node id. */
export class Peers {
  #peers: ReadonlyMap<string, Peer> = new Map();

  /** The peer of that id. */
  get(nodeId: string): Peer | undefined {
    return this.#peers.get(nodeId);
  }

  /** Looks at all members but ourselves. */
  refresh(members: readonly KnownMember[]): PeerChanges {
    const next = new Map<string, Peer>();
    for (const { member, meta } of members) {
      if (meta === undefined || (member.state !== "alive" && member.state !== "suspect")) continue;
      const rival = next.get(meta.nodeId);
      if (rival === undefined || rival.meta.startedMs < meta.startedMs) {
        next.set(meta.nodeId, { member, meta });
      }
    }
    const before = this.#peers;
    this.#peers = next;
    return {
      up: [...next.values()].filter(({ meta }) =>
        before.get(meta.nodeId)?.meta.bootId !== meta.bootId
      ),
      down: [...before.keys()].filter((nodeId) => !next.has(nodeId)),
    };
  }
}

/** The members that may lead: those of our kind. */
export function* candidates(members: Iterable<KnownMember>): Iterable<LeaderCandidate> {
  for (const { member, meta } of members) {
    if (meta !== undefined) yield { nodeId: meta.nodeId, region: meta.region, state: member.state };
  }
}

/** The members whose word awaited writes wait for: those of our kind that have not left, each node id once. */
export function awaitedMembers(members: Iterable<KnownMember>): AwaitedMember[] {
  const latest = new Map<string, Peer>();
  for (const { member, meta } of members) {
    if (meta === undefined || member.state === "left") continue;
    const rival = latest.get(meta.nodeId);
    if (rival === undefined || rival.meta.startedMs < meta.startedMs) {
      latest.set(meta.nodeId, { member, meta });
    }
  }
  return Array.from(latest.values(), ({ member: { state }, meta }) => ({
    node: meta.nodeId,
    region: meta.region,
    alive: state === "alive" || state === "suspect",
    capabilities: meta.capabilities,
  }));
}
