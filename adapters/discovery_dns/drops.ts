/** @module */

/** Why something that came in was not used. */
export type DropReason =
  /** A datagram from somebody who was not asked. */
  | "wrong_source"
  /** A message with the id of no question of ours. */
  | "wrong_id"
  /** An answer to another question. */
  | "wrong_question"
  /** Bytes that are no answer. */
  | "malformed"
  /** A record of a name that was not asked for. */
  | "wrong_name"
  /** Records above what one name may have. */
  | "too_many";

/** Counts what was dropped since the start. */
export class Drops {
  readonly #counts: Map<DropReason, number> = new Map();

  /** Of all reasons together. */
  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Adds to a count. */
  add(reason: DropReason, count = 1): void {
    if (count > 0) this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + count);
  }

  /** Every count above 0, by reason. */
  fields(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => a < b ? -1 : 1));
  }
}
