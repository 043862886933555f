/**
 * What people see of replication.
 *
 * @module
 */

import type { ClusterClock } from "./cluster_clock.ts";
import type { ReplicationConfig } from "./config.ts";
import type { ReplicationCounters, ReplicationView, SyncView } from "./contract.ts";
import type { LinkTable } from "./link_table.ts";
import type { Store } from "./store.ts";

/** Counters at start. */
export function freshCounters(): ReplicationCounters {
  return {
    writes: 0,
    applied: 0,
    stale: 0,
    malformed: 0,
    futureStamps: 0,
    refused: 0,
    restamped: 0,
    batchesSent: 0,
    batchesReceived: 0,
    entriesSent: 0,
    chunksSent: 0,
    digestsStarted: 0,
    digestsDiffering: 0,
    snapshotsServed: 0,
    tombstonesPurged: 0,
    expired: 0,
    expiredOnArrival: 0,
    deletedOnArrival: 0,
    forgotten: 0,
    messagesSent: 0,
    messagesReceived: 0,
    messagesDropped: 0,
    protocolErrors: 0,
  };
}

/** The parts of a machine that are looked at. */
export interface Viewed {
  readonly synced: boolean;
  readonly config: ReplicationConfig;
  readonly clock: ClusterClock;
  readonly store: Store;
  readonly counters: ReplicationCounters;
  readonly sync: SyncView | undefined;
}

/** Copies what is to be seen now. */
export function viewOf(viewed: Viewed, links: LinkTable): ReplicationView {
  const { synced, config, clock, store, counters } = viewed;
  const clockOffMs = 0 - clock.correctionMs;
  const because = !synced
    ? `the first sync is not done${doneOf(viewed.sync) || outOfReach(links)}`
    : Math.abs(clockOffMs) > config.clockSkewMaxMs / 2
    ? `the clock is ${Math.round(clockOffMs)} ms off cluster time`
    : undefined;
  return {
    ready: because === undefined,
    notReadyBecause: because,
    sync: viewed.sync,
    links: Array.from(links.peers(), (link) => link.view()),
    inboundLinks: links.acceptedCount,
    inboundPeers: Array.from(links.accepted(), ({ peer }) => peer).filter((peer) =>
      peer !== undefined
    ),
    entries: store.size - store.tombstones,
    tombstones: store.tombstones,
    storeBytes: store.bytes,
    clockOffMs,
    counters: { ...counters },
  };
}

/** Names the members that are in view and that no link stands to. */
function outOfReach(links: LinkTable): string {
  const lost = Array.from(links.peers(), (link) => link.view()).filter(({ state }) =>
    state !== "open"
  );
  const [first] = lost;
  if (first === undefined) return "";
  const others = lost.length > 1 ? ` and ${lost.length - 1} more are` : " is";
  return `: "${first.peer}"${others} in view without a link (${first.lastError ?? first.state})`;
}

function doneOf(sync: SyncView | undefined): string {
  if (sync?.comparingWith !== undefined) return `: comparing with ${sync.comparingWith}`;
  if (sync?.from === undefined) return "";
  return `: ${sync.entries} of ${sync.total || "?"} entries from ${sync.from}`;
}
