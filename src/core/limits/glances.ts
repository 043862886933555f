/**
 * What limits can take at a glance: a few numbers per limit, side by side in memory. With thousands of limits a decision
 * costs what it costs to fetch memory, not to compute; most decisions need nothing but these.
 *
 * @module
 */

import type { Millis, WallMillis } from "../machine.ts";

/** Numbers per row: free, until when by the monotonic clock, until when by cluster time, taken. */
const WIDTH = 4;
const UNTIL = 1;
const END = 2;
const TAKEN = 3;

/** Rows by number. A row that was not set has nothing free. */
export class Glances {
  #rows: Float64Array = new Float64Array(64 * WIDTH);
  #count = 0;
  readonly #closed: number[] = [];

  /** A new row. */
  open(): number {
    const row = this.#closed.pop() ?? this.#count++ * WIDTH;
    if (row >= this.#rows.length) {
      const larger = new Float64Array(this.#rows.length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[row] = -1;
    this.#rows[row + TAKEN] = 0;
    return row;
  }

  /** A row is not used any more. */
  close(row: number): void {
    this.#closed.push(row);
  }

  /** `free` may be taken until one of the clocks says otherwise. */
  set(row: number, free: number, untilMs: Millis, endMs: WallMillis): void {
    const rows = this.#rows;
    rows[row] = free;
    rows[row + UNTIL] = untilMs;
    rows[row + END] = endMs;
  }

  /** Takes `amount`, above 0, if it is free for certain. */
  take(row: number, amount: number, now: Millis, wallMs: WallMillis): boolean {
    const rows = this.#rows;
    const free = rows[row] as number;
    if (amount > free || now >= (rows[row + UNTIL] as number)) return false;
    if (wallMs >= (rows[row + END] as number)) return false;
    rows[row] = free - amount;
    rows[row + TAKEN] = (rows[row + TAKEN] as number) + amount;
    return true;
  }

  /** Takes the last {@linkcode Glances.take} back. */
  untake(row: number, amount: number): void {
    const rows = this.#rows;
    rows[row] = (rows[row] as number) + amount;
    rows[row + TAKEN] = (rows[row + TAKEN] as number) - amount;
  }

  /** What was taken since the last call and is charged nowhere yet. */
  taken(row: number): number {
    return this.#rows[row + TAKEN] as number;
  }

  /** Answers what was taken, and lets nothing be taken at a glance before the row is set again. */
  collect(row: number): number {
    const rows = this.#rows;
    const taken = rows[row + TAKEN] as number;
    rows[row] = -1;
    rows[row + TAKEN] = 0;
    return taken;
  }
}
