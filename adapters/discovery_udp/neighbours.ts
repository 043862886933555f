/** @module */

import type { Candidate, Millis } from "../../mod.ts";
import type { Beacon } from "./beacon.ts";

/** What became of a beacon. */
export type Heard =
  /** The list has changed. */
  | "news"
  /** Somebody known, as before. */
  | "known"
  /** Older than what that node has said since. */
  | "replayed"
  /** There is no room. */
  | "table_full";

/** Nodes that are listed at once. */
export const NEIGHBOURS_MAX = 4_096;
/** A silent node is kept for so many of its intervals: three beacons may be lost. */
const INTERVALS = 3.5;
/** Bounds of the interval that a beacon may claim. */
const EVERY_MS_MIN = 10;
const EVERY_MS_MAX = 300_000;

interface Neighbour {
  readonly candidate: Candidate;
  readonly bootId: string;
  readonly count: number;
  readonly untilMs: Millis;
}

/** Who was heard lately. Owns no clock; the order is that of first hearing. */
export class Neighbours {
  readonly #all: Map<string, Neighbour> = new Map();

  /** How many are listed. */
  get size(): number {
    return this.#all.size;
  }

  /** Everybody. */
  get candidates(): Candidate[] {
    return [...this.#all.values()].map(({ candidate }) => candidate);
  }

  /** Takes in an authentic beacon or answer of a member; `ip` is where the node is reached. */
  hear(beacon: Beacon, ip: string, now: Millis): Heard {
    const { nodeId, bootId, count, region, port, rpcPort } = beacon;
    const known = this.#all.get(nodeId);
    if (known?.bootId === bootId && count <= known.count) {
      // A machine may hear one beacon on several of its networks.
      return count === known.count ? "known" : "replayed";
    }
    if (known === undefined && this.#all.size >= NEIGHBOURS_MAX) return "table_full";
    const candidate = { host: ip, port, nodeId, region, ...(rpcPort === 0 ? {} : { rpcPort }) };
    const everyMs = Math.min(Math.max(beacon.everyMs, EVERY_MS_MIN), EVERY_MS_MAX);
    this.#all.set(nodeId, { candidate, bootId, count, untilMs: now + INTERVALS * everyMs });
    return known?.bootId === bootId && sameCandidate(known.candidate, candidate) ? "known" : "news";
  }

  /** Strikes out a node that says goodbye. */
  farewell({ nodeId, bootId, count }: Beacon): Heard {
    const known = this.#all.get(nodeId);
    if (known?.bootId !== bootId) return "known";
    if (count <= known.count) return "replayed";
    this.#all.delete(nodeId);
    return "news";
  }

  /** Strikes out who has been silent for too long; `true` when somebody was. */
  expire(now: Millis): boolean {
    const before = this.#all.size;
    for (const [nodeId, { untilMs }] of this.#all) if (untilMs <= now) this.#all.delete(nodeId);
    return this.#all.size < before;
  }
}

function sameCandidate(a: Candidate, b: Candidate): boolean {
  return a.host === b.host && a.port === b.port && a.region === b.region && a.rpcPort === b.rpcPort;
}
