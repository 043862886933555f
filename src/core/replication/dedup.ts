/**
 * Remembers which events were seen, so that a doubled one is told once. State needs none of this: its version is its
 * memory.
 *
 * @module
 */

import type { Millis } from "../machine.ts";

/** Identifies an event for ever: no two have the same three. */
export interface EventId {
  readonly origin: string;
  readonly boot: string;
  readonly sequence: number;
}

/** Bounds of the table. */
export interface SeenEventsOptions {
  /** How long an id is remembered. @default {300000} */
  readonly ttlMs?: Millis;
  /** Most ids remembered. @default {65536} */
  readonly entriesMax?: number;
  /** Most bytes of ids remembered, two per character. @default {8388608} */
  readonly bytesMax?: number;
}

/** A bounded table of event ids: the oldest go first, by age, count or bytes. */
export class SeenEvents {
  readonly #ttlMs: Millis;
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  readonly #seen: Map<string, Millis> = new Map();
  #bytes = 0;
  #evicted = 0;

  constructor(options: SeenEventsOptions = {}) {
    this.#ttlMs = options.ttlMs ?? 300_000;
    this.#entriesMax = options.entriesMax ?? 65_536;
    this.#bytesMax = options.bytesMax ?? 8_388_608;
  }

  /** Ids remembered. */
  get size(): number {
    return this.#seen.size;
  }

  /** Ids forgotten before their time because the table was full. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Whether this is the first time within the TTL; remembers it either way, counted from the first time. */
  first(id: EventId, now: Millis): boolean {
    this.#expire(now);
    const key = `${id.origin}\u0000${id.boot}\u0000${id.sequence}`;
    if (this.#seen.has(key)) return false;
    this.#seen.set(key, now);
    this.#bytes += 2 * key.length;
    while (
      this.#seen.size > 1 && (this.#seen.size > this.#entriesMax || this.#bytes > this.#bytesMax)
    ) {
      this.#forgetOldest();
      this.#evicted++;
    }
    return true;
  }

  #expire(now: Millis): void {
    for (const at of this.#seen.values()) {
      if (now - at < this.#ttlMs) return;
      this.#forgetOldest();
    }
  }

  #forgetOldest(): void {
    for (const key of this.#seen.keys()) {
      this.#seen.delete(key);
      this.#bytes -= 2 * key.length;
      return;
    }
  }
}
