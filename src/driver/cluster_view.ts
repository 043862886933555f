/**
 * What a node makes of the cluster: members joined with metadata and health, peers, leaders, readiness.
 *
 * @module
 */

import type { ResolvedConfig } from "../config/resolved.ts";
import { computeLeaders, leaderChanges, type Leaders } from "../core/coordination/leaders.ts";
import type { Verdict } from "../core/health/link_health.ts";
import type { Millis } from "../core/machine.ts";
import type { ReplicationView } from "../core/replication/contract.ts";
import type { ClusterMember, NodeEvent, Readiness } from "./cluster_node.ts";
import { HealthChecks } from "./health_checks.ts";
import type { Links } from "./links.ts";
import { clusterMember, type KnownMember } from "./member_view.ts";
import { awaitedMembers, candidates, type Peer, Peers } from "./peers.ts";
import { Rivals } from "./rivals.ts";
import type { Say } from "./say.ts";

/** Where the facts come from and where the news go. */
export interface ClusterViewParts {
  readonly config: ResolvedConfig;
  readonly links: Pick<Links, "peerUp" | "peerDown" | "failureOf" | "members">;
  /** Everybody, ourselves included. */
  readonly known: () => KnownMember[];
  /** Our memberlist name. */
  readonly self: () => string;
  readonly replication: () => ReplicationView;
  readonly tell: (event: NodeEvent) => void;
  /** Hears everybody, ourselves included, at every look. */
  readonly onMembers: (known: readonly KnownMember[]) => void;
  readonly say: Say;
  /** Runs something once, after some milliseconds. */
  readonly after: (ms: Millis, run: () => void) => void;
}

/** With more members than this, a burst of events leads to one look per {@linkcode REFRESH_PAUSE_MS}. */
const FEW_MEMBERS = 100;
const REFRESH_PAUSE_MS: Millis = 50;

/** Keeps the derived view and tells what changes in it. */
export class ClusterView {
  readonly peers: Peers = new Peers();
  readonly #parts: ClusterViewParts;
  readonly #checks: HealthChecks;
  readonly #rivals: Rivals = new Rivals();
  #leaders: Leaders = { cluster: undefined, regions: new Map() };
  #clusterHealthy: boolean | undefined;
  #wasReady = false;
  #syncedBy: string | undefined;
  #refreshPlanned = false;
  #membersSeen = 0;
  #draining = false;
  #stopped = false;

  constructor(parts: ClusterViewParts) {
    this.#parts = parts;
    this.#checks = new HealthChecks(parts.config.healthCheck);
  }

  /** Leaders as of the last refresh. */
  get leaders(): Leaders {
    return this.#leaders;
  }

  /** Members by name. */
  members(): readonly ClusterMember[] {
    return this.#parts.known()
      .map((known) => this.member(known))
      .sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }

  /** One member with its verdict. */
  member(known: KnownMember): ClusterMember {
    return clusterMember(known, this.#parts.self(), this.#verdict(known));
  }

  /** Whether the node has what it needs to serve (spec `cluster.md` 9). */
  readiness(): Readiness {
    if (this.#draining) return { ready: false, reason: "the node is leaving" };
    const { notReadyBecause } = this.#parts.replication();
    if (notReadyBecause !== undefined) return { ready: false, reason: notReadyBecause };
    const expected = this.#parts.config.expectedNodes ?? 1;
    const ours = this.#parts.known().filter(({ member, meta }) =>
      member.state === "alive" && meta !== undefined
    );
    const inView = new Set(ours.map(({ meta }) => meta?.nodeId)).size;
    if (this.#syncedBy !== "snapshot" && expected > 1 && inView * 2 <= expected) {
      return {
        ready: false,
        reason: `${inView} of ${expected} expected nodes are in view, a majority is needed`,
      };
    }
    return { ready: true, reason: `first sync done (${this.#syncedBy ?? "alone"})` };
  }

  /** The first sync is done. */
  synced(how: string): void {
    this.#syncedBy = how;
    this.#tellReadiness();
  }

  /** Readiness off, for good. */
  drain(): void {
    this.#draining = true;
    this.#tellReadiness();
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** A link broke or a dial was refused: a bad check at once. */
  linkBroken(peer: string, reason: string): void {
    const known: Peer | undefined = this.peers.get(peer);
    if (known !== undefined) this.#checks.broken(known.member.name, reason);
  }

  /** Looks again after this step; many events lead to one look. */
  planRefresh(): void {
    if (this.#refreshPlanned) return;
    this.#refreshPlanned = true;
    const look = (): void => {
      this.#refreshPlanned = false;
      if (!this.#stopped) this.refresh();
    };
    if (this.#membersSeen <= FEW_MEMBERS) queueMicrotask(look);
    else this.#parts.after(REFRESH_PAUSE_MS, look);
  }

  /** Recomputes peers and leaders. */
  refresh(): void {
    const { known, self, links, say, tell } = this.#parts;
    const members = known();
    this.#membersSeen = members.length;
    const me = self();
    const { up, down } = this.peers.refresh(members.filter(({ member }) => member.name !== me));
    links.members(awaitedMembers(members));
    for (const nodeId of down) links.peerDown(nodeId);
    for (const { meta } of up) links.peerUp(meta.nodeId, meta.bootId, meta.capabilities);
    this.#parts.onMembers(members);
    const before = this.#leaders;
    const leaders = computeLeaders(candidates(members));
    this.#leaders = leaders;
    for (const change of leaderChanges(before, leaders)) {
      say("info", "leader changed", {
        seat: change.region === undefined ? "cluster" : `region ${change.region}`,
        from: change.from ?? "none",
        to: change.to ?? "none",
      });
      tell({ type: "leader", change, leaders });
    }
  }

  /** One round of health checks, once a second; also looks at everything again. */
  check(now: Millis): void {
    const { known, self, links, replication, say, tell } = this.#parts;
    const me = self();
    const everybody = known();
    for (const nodeId of this.#rivals.look(everybody, now)) {
      say("error", "two running nodes have one node_id: give each its own", {
        nodeId,
        names: this.#rivals.of(nodeId)?.join(" ") ?? "",
      });
    }
    this.#checks.run({
      now,
      peers: everybody.filter(({ member }) => member.name !== me),
      links: replication().links,
      failureOf: (peer) => links.failureOf(peer),
    });
    this.refresh();
    this.#tellReadiness();
    const present = everybody.filter(({ member }) => member.state !== "left");
    const members = present.length;
    const healthyMembers = present.filter((member) => this.#verdict(member).healthy).length;
    const healthy = healthyMembers === members;
    if (healthy === this.#clusterHealthy) return;
    this.#clusterHealthy = healthy;
    say(healthy ? "info" : "warn", `cluster health: ${healthy ? "HEALTHY" : "NOT HEALTHY"}`, {
      members,
      healthyMembers,
    });
    tell({ type: "health", healthy, members, healthyMembers });
  }

  /** We ourselves are healthy as far as we can tell. */
  #verdict(known: KnownMember): Verdict {
    const { member, meta } = known;
    const names = meta === undefined ? undefined : this.#rivals.of(meta.nodeId);
    if (names !== undefined) {
      return {
        healthy: false,
        reason: `node_id "${meta?.nodeId}" is shared by ${names.join(" and ")}`,
      };
    }
    return member.name === this.#parts.self() ? { healthy: true } : this.#checks.verdict(known);
  }

  #tellReadiness(): void {
    const readiness = this.readiness();
    if (readiness.ready === this.#wasReady) return;
    this.#wasReady = readiness.ready;
    this.#parts.say("info", readiness.ready ? "ready" : "not ready", { reason: readiness.reason });
    this.#parts.tell({ type: "readiness", readiness });
  }
}
