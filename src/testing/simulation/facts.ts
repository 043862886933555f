/**
 * What an event adds to a run's hash and trace.
 *
 * @module
 */

import type { MembershipEvent } from "../../core/membership/contract.ts";
import type { ReplicationEvent } from "../../core/replication/contract.ts";

/** Texts and numbers that say what happened. */
export type Facts = readonly (string | number)[];

/** Facts of a membership event; `undefined` for what happens all the time. */
export function membershipFacts(nodeId: string, event: MembershipEvent): Facts | undefined {
  switch (event.type) {
    case "joined":
    case "updated":
    case "suspected":
    case "cleared":
    case "gone": {
      const { name, state, incarnation } = event.member;
      return [event.type, nodeId, name, state, incarnation];
    }
    case "reaped":
      return [event.type, nodeId, event.name];
    case "refuted":
      return [event.type, nodeId, event.incarnation, event.accuser];
    case "health":
      return [event.type, nodeId, event.score];
    case "merged":
      return undefined;
    default:
      return [event.type, nodeId];
  }
}

/** Facts of a replication event. */
export function replicationFacts(nodeId: string, event: ReplicationEvent): Facts {
  const kind: string = event.type;
  switch (event.type) {
    case "changed":
    case "restamped": {
      const { type, key, deleted, version: { wallMs, logic } } = event.entry;
      return [event.type, nodeId, type, key, deleted ? "deleted" : "set", wallMs, logic];
    }
    case "ready":
      return [event.type, nodeId, event.how];
    case "linkState":
      return ["link", nodeId, event.peer, event.state];
    case "refused":
      return [event.type, nodeId, event.peer, event.entityType, event.key, event.reason];
    case "futureStamp":
      return ["future", nodeId, event.origin, event.entityType, event.key];
    case "snapshotProgress":
      return ["snapshot", nodeId, event.from, event.entries];
    default:
      return [kind, nodeId];
  }
}

/** Whether the event changed what a checker may look at. */
export function isChange(event: MembershipEvent | ReplicationEvent): boolean {
  switch (event.type) {
    case "joined":
    case "updated":
    case "suspected":
    case "cleared":
    case "gone":
    case "reaped":
    case "changed":
    case "restamped":
    case "ready":
      return true;
    default:
      return false;
  }
}
