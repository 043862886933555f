/**
 * What a node makes of the cluster: members joined with metadata and health, peers, leaders, readiness.
 *
 * @module
 */

import type { ResolvedConfig } from "../config/resolved.ts";
import { computeLeaders, leaderChanges, type Leaders } from "../core/coordination/leaders.ts";
import type { Millis } from "../core/machine.ts";
import type { Member } from "../core/membership/contract.ts";
import type { ReplicationView } from "../core/replication/contract.ts";
import type { ClusterMember, NodeEvent, Readiness } from "./cluster_node.ts";
import { HealthChecks } from "./health_checks.ts";
import type { Links } from "./links.ts";
import { clusterMember, type KnownMember } from "./member_view.ts";
import { awaitedMembers, candidates, type Peer, Peers } from "./peers.ts";
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
  readonly say: Say;
}

/** Keeps the derived view and tells what changes in it. */
export class ClusterView {
  readonly peers: Peers = new Peers();
  readonly #parts: ClusterViewParts;
  readonly #checks: HealthChecks;
  #leaders: Leaders = { cluster: undefined, regions: new Map() };
  #clusterHealthy: boolean | undefined;
  #wasReady = false;
  #syncedBy: string | undefined;
  #refreshPlanned = false;
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

  /** One member with its verdict; we ourselves are healthy as far as we can tell. */
  member(known: KnownMember): ClusterMember {
    const self = this.#parts.self();
    const verdict = known.member.name === self ? { healthy: true } : this.#checks.verdict(known);
    return clusterMember(known, self, verdict);
  }

  /** Whether the node has what it needs to serve (spec `cluster.md` 9). */
  readiness(): Readiness {
    if (this.#draining) return { ready: false, reason: "the node is leaving" };
    const { notReadyBecause } = this.#parts.replication();
    if (notReadyBecause !== undefined) return { ready: false, reason: notReadyBecause };
    const expected = this.#parts.config.expectedNodes ?? 1;
    const inView = this.#parts.known().filter(({ member }) => isAlive(member)).length;
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
    queueMicrotask(() => {
      this.#refreshPlanned = false;
      if (!this.#stopped) this.refresh();
    });
  }

  /** Recomputes peers and leaders. */
  refresh(): void {
    const { known, self, links, say, tell } = this.#parts;
    const members = known();
    const me = self();
    const { up, down } = this.peers.refresh(members.filter(({ member }) => member.name !== me));
    links.members(awaitedMembers(members));
    for (const nodeId of down) links.peerDown(nodeId);
    for (const { meta } of up) links.peerUp(meta.nodeId, meta.bootId, meta.capabilities);
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
    this.#checks.run({
      now,
      peers: known().filter(({ member }) => member.name !== me),
      links: replication().links,
      failureOf: (peer) => links.failureOf(peer),
    });
    this.refresh();
    this.#tellReadiness();
    const members = this.members().filter(({ state }) => state !== "left");
    const healthyMembers = members.filter(({ healthy }) => healthy).length;
    const healthy = healthyMembers === members.length;
    if (healthy === this.#clusterHealthy) return;
    this.#clusterHealthy = healthy;
    say(healthy ? "info" : "warn", `cluster health: ${healthy ? "HEALTHY" : "NOT HEALTHY"}`, {
      members: members.length,
      healthyMembers,
    });
    tell({ type: "health", healthy, members: members.length, healthyMembers });
  }

  #tellReadiness(): void {
    const readiness = this.readiness();
    if (readiness.ready === this.#wasReady) return;
    this.#wasReady = readiness.ready;
    this.#parts.say("info", readiness.ready ? "ready" : "not ready", { reason: readiness.reason });
    this.#parts.tell({ type: "readiness", readiness });
  }
}

function isAlive({ state }: Member): boolean {
  return state === "alive";
}
