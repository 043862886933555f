/** @module */

import type { Clock, DiscoveryContext, Millis } from "../../mod.ts";
import type { Drops } from "./drops.ts";

/** The same is not said more often. */
const EVERY_MS = 60_000;

/** Tells the log what goes wrong, not for every lookup. Names come from the configuration: they are few. */
export class Complaints {
  readonly #clock: Clock;
  readonly #say: DiscoveryContext["say"];
  readonly #saidMs: Map<string, Millis> = new Map();
  #dropsSaid = 0;
  #dropsSaidMs: Millis = -Infinity;

  constructor(clock: Clock, say: DiscoveryContext["say"]) {
    this.#clock = clock;
    this.#say = say;
  }

  /** A name could not be looked up. */
  lookup(name: string, error: string): void {
    const now = this.#clock.now();
    if (now - (this.#saidMs.get(name) ?? -Infinity) < EVERY_MS) return;
    this.#saidMs.set(name, now);
    this.#say("warn", "dns lookup error", { name, error });
  }

  /** A name was looked up: the next trouble is news. */
  settled(name: string): void {
    if (this.#saidMs.delete(name)) this.#say("info", "dns lookup works again", { name });
  }

  /** Tells the counts when there are more. */
  drops(drops: Drops): void {
    const now = this.#clock.now();
    if (drops.total === this.#dropsSaid || now - this.#dropsSaidMs < EVERY_MS) return;
    this.#dropsSaid = drops.total;
    this.#dropsSaidMs = now;
    this.#say("warn", "dns answers dropped", drops.fields());
  }
}
