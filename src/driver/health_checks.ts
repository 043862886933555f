/**
 * One check per link and second, from what gossip and the links show anyway.
 *
 * @module
 */

import type { HealthCheckConfig } from "../config/resolved.ts";
import { LinkHealth, type Verdict } from "../core/health/link_health.ts";
import type { Millis } from "../core/machine.ts";
import type { LinkView } from "../core/replication/contract.ts";
import type { KnownMember } from "./member_view.ts";

/** What one round of checks looks at. */
export interface CheckRound {
  readonly now: Millis;
  /** Everybody but ourselves. */
  readonly peers: readonly KnownMember[];
  readonly links: readonly LinkView[];
  /** Why a peer's RPC port could not be dialled last time. */
  readonly failureOf: (peer: string) => string | undefined;
}

/** Keeps the verdicts. Peers are known by memberlist name. */
export class HealthChecks {
  readonly #health: LinkHealth;
  readonly #timeoutMs: Millis;
  readonly #known: Set<string> = new Set();

  /** Thresholds come from `gossip.config`. */
  constructor({ successThreshold, failureThreshold, timeoutMs }: HealthCheckConfig) {
    this.#health = new LinkHealth({ success: successThreshold, failure: failureThreshold });
    this.#timeoutMs = timeoutMs;
  }

  /** Checks every peer once on both planes; a foreign one on gossip alone. */
  run(round: CheckRound): void {
    const links = new Map(round.links.map((link) => [link.peer, link]));
    const present = new Set<string>();
    for (const { member, meta } of round.peers) {
      present.add(member.name);
      this.#known.add(member.name);
      const gossip = member.state === "alive" ? undefined : `the member is ${member.state}`;
      this.#health.check(member.name, "gossip", gossip);
      const rpc = meta === undefined
        ? undefined
        : this.#rpc(meta.nodeId, links.get(meta.nodeId), round);
      this.#health.check(member.name, "rpc", rpc);
    }
    for (const name of this.#known) {
      if (present.has(name)) continue;
      this.#known.delete(name);
      this.#health.forget(name);
    }
  }

  /** A stream broke or a dial was refused: that is a bad check by itself. */
  broken(name: string, reason: string): void {
    this.#health.check(name, "rpc", reason);
  }

  /** The verdict on a peer. The dead are unhealthy without further ado. */
  verdict({ member }: KnownMember): Verdict {
    if (member.state === "dead" || member.state === "left") {
      return { healthy: false, reason: `gossip: the member is ${member.state}` };
    }
    return this.#health.verdict(member.name);
  }

  #rpc(
    peer: string,
    link: LinkView | undefined,
    { now, failureOf }: CheckRound,
  ): string | undefined {
    if (link?.state !== "open") return failureOf(peer) ?? link?.lastError ?? "the link is not open";
    const silentMs = link.lastAckMs === undefined ? 0 : now - link.lastAckMs;
    return link.inFlight > 0 && silentMs > this.#timeoutMs
      ? `no acknowledgement for ${Math.round(silentMs / 1000)} s`
      : undefined;
  }
}
