/**
 * What the log says of membership and replication. Texts are those operators grep for (spec `cluster.md` 10).
 *
 * @module
 */

import type { LogRecord } from "../core/log.ts";
import type { MembershipEvent, SuspicionEvidence } from "../core/membership/contract.ts";
import type { ReplicationEvent } from "../core/replication/contract.ts";

/** The record of a membership event; `undefined` for those that say nothing to people. */
export function membershipRecord(event: MembershipEvent): LogRecord | undefined {
  switch (event.type) {
    case "joined":
      return record("info", "member joined", {
        name: event.member.name,
        address: event.member.address,
      });
    case "suspected":
      return record("warn", "node marked as suspect", {
        name: event.member.name,
        address: event.member.address,
        ...evidenceFields(event.member.evidence),
      });
    case "cleared":
      return record("info", "suspect proved to be alive", { name: event.member.name });
    case "gone":
      return event.member.state === "left"
        ? record("info", "member left", { name: event.member.name })
        : record("warn", "member declared dead", {
          name: event.member.name,
          address: event.member.address,
          ...evidenceFields(event.member.evidence),
        });
    case "reaped":
      return record("debug", "member forgotten", { name: event.name, address: event.address });
    case "conflict":
      return record("error", "two nodes claim one name: give each its own node_id", {
        name: event.existing.name,
        address: event.existing.address,
        other: event.otherAddress,
      });
    case "refuted":
      return record("warn", "refuted an accusation against this node", {
        accuser: event.accuser,
        incarnation: event.incarnation,
      });
    case "udpBlocked":
      return record(
        "warn",
        "TCP works but UDP does not: allow UDP on the gossip port in both directions",
        {
          name: event.member.name,
          address: event.member.address,
        },
      );
    case "mergeRefused":
      return record("warn", "state exchange refused", { from: event.from, reason: event.reason });
    case "dropped":
      return record("warn", "dropped gossip input", { from: event.from, reason: event.reason });
    case "health":
      return record("debug", "local health changed", { score: event.score });
    default:
      return undefined;
  }
}

/** The record of a replication event; `undefined` for those that say nothing to people. */
export function replicationRecord(event: ReplicationEvent): LogRecord | undefined {
  switch (event.type) {
    case "futureStamp":
      return record(
        "error",
        "refused a write stamped in the future: set the clock of its origin right",
        {
          origin: event.origin,
          from: event.from,
          entity: `${event.entityType}/${event.key}`,
          aheadMs: Math.round(event.aheadMs),
        },
      );
    case "refused":
      return record("warn", "failed to broadcast", {
        peer: event.peer,
        entity: `${event.entityType}/${event.key}`,
        reason: event.reason,
      });
    case "ready":
      return record("info", "first sync done", { how: event.how });
    case "linkState":
      return record("debug", "link changed", {
        peer: event.peer,
        state: event.state,
        ...(event.reason === undefined ? {} : { reason: event.reason }),
      });
    default:
      return undefined;
  }
}

function evidenceFields(evidence: SuspicionEvidence | undefined): Record<string, string | number> {
  if (evidence === undefined) return {};
  return {
    accuser: evidence.accuser,
    confirmations: evidence.confirmations.join(",") || "none",
    localHealth: evidence.localHealth,
    ...(evidence.lastAckAgoMs === undefined
      ? {}
      : { lastAckAgoMs: Math.round(evidence.lastAckAgoMs) }),
  };
}

function record(
  level: LogRecord["level"],
  message: string,
  fields: Readonly<Record<string, string | number>>,
): LogRecord {
  return { level, message, fields };
}
