/**
 * Amounts that were taken by estimate, until what they really cost is known.
 *
 * @module
 */

import { Deadlines } from "../deadlines.ts";
import type { Millis } from "../machine.ts";
import type { Counter } from "./counter.ts";
import type { LimitState } from "./limit_state.ts";
import type { Hold } from "./strength.ts";

/** One amount, and the window it was taken of. */
export interface ReservedItem {
  readonly state: LimitState;
  readonly counter: Counter;
  /** Sub-window, of rolling limits. */
  readonly index: number;
  readonly amount: number;
  /** Who else wants to hear what it really was. */
  readonly hold: Hold | undefined;
}

/** Open reservations by number; bounded. */
export class Reservations {
  readonly #max: number;
  readonly #open: Map<number, readonly ReservedItem[]> = new Map();
  readonly #deadlines: Deadlines<number> = new Deadlines();
  #last = 0;

  /** At most `max` are open at once. */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether no more can be opened. */
  get isFull(): boolean {
    return this.#open.size >= this.#max;
  }

  /** When the next one becomes final. */
  next(): Millis | undefined {
    return this.#deadlines.next();
  }

  /** Opens one; answers its number. */
  open(items: readonly ReservedItem[], deadline: Millis): number {
    const id = ++this.#last;
    this.#open.set(id, items);
    this.#deadlines.set(id, deadline);
    return id;
  }

  /** What one took; `undefined` when there is none of that number. */
  get(id: number): readonly ReservedItem[] | undefined {
    return this.#open.get(id);
  }

  /** Takes one out; `undefined` when there is none of that number. */
  close(id: number): readonly ReservedItem[] | undefined {
    const items = this.#open.get(id);
    if (items === undefined) return undefined;
    this.#open.delete(id);
    this.#deadlines.delete(id);
    return items;
  }

  /** Lets those go whose time is over at `dueMs`: they stand at their estimates. Answers how many. */
  expire(now: Millis, dueMs: Millis = now): number {
    let count = 0;
    for (let id = this.#deadlines.pop(dueMs); id !== undefined; id = this.#deadlines.pop(dueMs)) {
      for (const { hold, amount } of this.#open.get(id) ?? []) hold?.settle(amount, now);
      this.#open.delete(id);
      count++;
    }
    return count;
  }
}
