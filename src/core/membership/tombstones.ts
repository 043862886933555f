/**
 * Incarnations of the forgotten, so that a stale peer does not revive them (memberlist.md 8.4, 3).
 *
 * @module
 */

import type { Millis } from "../machine.ts";

interface Tombstone {
  readonly incarnation: number;
  readonly expiresMs: Millis;
}

/** A bounded memory of names; the oldest goes first. */
export class Tombstones {
  readonly #stones: Map<string, Tombstone> = new Map();
  readonly #max: number;
  readonly #keepMs: Millis;

  /** Remembers `max` names for `keepMs` each. */
  constructor(max: number, keepMs: Millis) {
    this.#max = max;
    this.#keepMs = keepMs;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#stones.size;
  }

  /** Remembers that `name` is gone up to and including `incarnation`. */
  add(name: string, incarnation: number, now: Millis): void {
    if (this.#max === 0 || this.#keepMs === 0) return;
    this.#stones.delete(name);
    this.#stones.set(name, { incarnation, expiresMs: now + this.#keepMs });
    for (const [oldest, stone] of this.#stones) {
      if (this.#stones.size <= this.#max && stone.expiresMs > now) break;
      this.#stones.delete(oldest);
    }
  }

  /** The last incarnation known of a forgotten member; `undefined` when there is no stone or it crumbled. */
  get(name: string, now: Millis): number | undefined {
    const stone = this.#stones.get(name);
    if (stone === undefined) return undefined;
    if (stone.expiresMs > now) return stone.incarnation;
    this.#stones.delete(name);
    return undefined;
  }

  /** The member is back. */
  delete(name: string): void {
    this.#stones.delete(name);
  }
}
