/**
 * Is a peer usable? Gossip and RPC evidence per link, with thresholds, so that a peer whose gossip works while its
 * RPC port does not is seen (spec `cluster.md` 3 and 9). Drives status, never memberlist's timing.
 *
 * @module
 */

/** The two planes a peer is checked on. */
export type Plane = "gossip" | "rpc";

/** How many checks in a row change a verdict. */
export interface HealthThresholds {
  /** Consecutive good checks before an unhealthy peer counts as healthy. @default {3} */
  readonly success: number;
  /** Consecutive bad checks before a healthy peer counts as unhealthy. @default {3} */
  readonly failure: number;
}

/** The verdict about one peer. */
export interface Verdict {
  readonly healthy: boolean;
  /** Present while unhealthy: which plane fails and what was seen, for people. */
  readonly reason?: string;
}

interface PlaneRecord {
  healthy: boolean;
  /** No verdict yet: the first good check decides. */
  fresh: boolean;
  good: number;
  bad: number;
  detail: string;
}

/** Verdicts over all peers; counts checks, knows no time. */
export class LinkHealth {
  readonly #thresholds: HealthThresholds;
  readonly #peers: Map<string, Record<Plane, PlaneRecord>> = new Map();

  /** Throws `RangeError` unless both thresholds are integers of at least 1. */
  constructor(thresholds: HealthThresholds = { success: 3, failure: 3 }) {
    for (const [name, value] of Object.entries(thresholds)) {
      if (!Number.isInteger(value) || value < 1) {
        throw new RangeError(
          `Cannot judge health as the ${name} threshold must be an integer >= 1: current value is ${value}`,
        );
      }
    }
    this.#thresholds = thresholds;
  }

  /** Records one check; `failure` absent means good. Answers whether the peer's verdict changed. */
  check(peer: string, plane: Plane, failure?: string): boolean {
    const planes = this.#planesOf(peer);
    const before = planes.gossip.healthy && planes.rpc.healthy;
    const record = planes[plane];
    if (failure === undefined) {
      record.good++;
      record.bad = 0;
      if (record.fresh || record.good >= this.#thresholds.success) record.healthy = true;
      record.fresh = false;
    } else {
      record.bad++;
      record.good = 0;
      record.detail = failure;
      if (record.bad >= this.#thresholds.failure) record.healthy = false;
    }
    return before !== (planes.gossip.healthy && planes.rpc.healthy);
  }

  /** What is known about a peer; one never checked is unhealthy with the reason. */
  verdict(peer: string): Verdict {
    const planes = this.#peers.get(peer);
    if (planes === undefined) return { healthy: false, reason: "not checked yet" };
    const reasons = (["gossip", "rpc"] as const)
      .filter((plane) => !planes[plane].healthy)
      .map((plane) => `${plane}: ${planes[plane].detail}`);
    return reasons.length === 0
      ? { healthy: true }
      : { healthy: false, reason: reasons.join("; ") };
  }

  /** Forgets a peer that is gone, so that its name starts afresh. */
  forget(peer: string): void {
    this.#peers.delete(peer);
  }

  #planesOf(peer: string): Record<Plane, PlaneRecord> {
    let planes = this.#peers.get(peer);
    if (planes === undefined) {
      const fresh = (): PlaneRecord => ({
        healthy: false,
        fresh: true,
        good: 0,
        bad: 0,
        detail: "not checked yet",
      });
      planes = { gossip: fresh(), rpc: fresh() };
      this.#peers.set(peer, planes);
    }
    return planes;
  }
}
