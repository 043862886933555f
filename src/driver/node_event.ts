/** @module */

import type { Member, MembershipEvent } from "../core/membership/contract.ts";
import type { ClusterMember, NodeEvent } from "./cluster_node.ts";

/** What owners of a node hear of a membership event; `undefined`: nothing. */
export function nodeEventOf(
  event: MembershipEvent,
  see: (member: Member) => ClusterMember,
): NodeEvent | undefined {
  switch (event.type) {
    case "joined":
    case "updated":
    case "suspected":
    case "cleared":
    case "gone":
      return { type: event.type, member: see(event.member) };
    case "reaped":
      return event;
    case "user":
      return { type: "user", from: event.from, payload: event.payload };
    default:
      return undefined;
  }
}
