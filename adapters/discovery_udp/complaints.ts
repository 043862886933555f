/** @module */

import type { Clock, DiscoveryContext, Millis } from "../../mod.ts";
import type { DropReason } from "./air.ts";

/** The same is not said more often. */
const EVERY_MS = 60_000;

/** Counts what was dropped, and tells the log now and then. */
export class Complaints {
  readonly #clock: Clock;
  readonly #say: DiscoveryContext["say"];
  readonly #counts: Map<DropReason, number> = new Map();
  #saidMs: Millis = -Infinity;

  constructor(clock: Clock, say: DiscoveryContext["say"]) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Counts; says so at once after a quiet minute. Other services may well use the port: that alone is not told. */
  readonly drop = (reason: DropReason, details: Readonly<Record<string, number>> = {}): void => {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    const now = this.#clock.now();
    if (reason === "service" || now - this.#saidMs < EVERY_MS) return;
    this.#saidMs = now;
    const counts = [...this.#counts].sort(([a], [b]) => a < b ? -1 : 1);
    this.#say("warn", "udp beacons dropped", { ...Object.fromEntries(counts), ...details });
  };
}
