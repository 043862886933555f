/**
 * Charges by caller and number, so that a repeat is known.
 *
 * @module
 */

import type { Millis } from "../../machine.ts";
import type { WriterId } from "../contract.ts";
import type { AskResult, ChargeCopy } from "./messages.ts";

/** What is remembered of one op. */
export interface ChargeRecord {
  /** Boot of the caller. */
  readonly boot: string;
  readonly number: number;
  readonly shard: number;
  readonly limit: string;
  readonly amount: number;
  readonly by: WriterId;
  readonly cell: string;
  readonly index: number;
  readonly at: Millis;
  /**
   * `pending`: charged, and not confirmed by the next on the ring. `held`: charged, by us or another, before this term
   * of office. `answered`: so it was, see `result`. `cancelled`: nothing is charged, or no more.
   */
  state: "pending" | "held" | "answered" | "cancelled";
  /** The answer, given or to be given. */
  result: AskResult | undefined;
  /** The word of the cell that says it first. */
  word: number;
  /** Whether the next on the ring was told of this record. */
  isMirrored: boolean;
}

interface Caller {
  doneBelow: number;
  /** By number, oldest first. */
  readonly records: Map<number, ChargeRecord>;
}

/** See the module; bounded per caller. */
export class Charges {
  readonly #max: number;
  readonly #callers: Map<string, Caller> = new Map();

  /** At most `max` per caller. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The record of an op; `done`: its caller does not want it any more. */
  find(boot: string, number: number): ChargeRecord | "done" | undefined {
    const caller = this.#callers.get(boot);
    if (caller === undefined) return undefined;
    return number < caller.doneBelow ? "done" : caller.records.get(number);
  }

  /** Whether another record of this caller has room. */
  hasRoom(boot: string): boolean {
    return (this.#callers.get(boot)?.records.size ?? 0) < this.#max;
  }

  /** Remembers one; does nothing when there is no room or it is not wanted any more. */
  add(record: ChargeRecord): void {
    const caller = this.#caller(record.boot);
    if (record.number < caller.doneBelow || caller.records.size >= this.#max) return;
    caller.records.set(record.number, record);
  }

  /** Forgets what the caller is done with. */
  closeBelow(boot: string, doneBelow: number): void {
    const caller = this.#caller(boot);
    if (doneBelow <= caller.doneBelow) return;
    caller.doneBelow = doneBelow;
    // Nearly in order; what a late one hides goes by its age.
    for (const number of caller.records.keys()) {
      if (number >= doneBelow) break;
      caller.records.delete(number);
    }
  }

  /**
   * Forgets what is older than `since`, and callers that are gone with nothing left to repeat: who seems gone for a
   * moment may still repeat a correction.
   */
  expire(since: Millis, isPresent: (boot: string) => boolean): void {
    for (const [boot, { records }] of this.#callers) {
      for (const [number, { at }] of records) {
        if (at < since) records.delete(number);
      }
      if (records.size === 0 && !isPresent(boot)) this.#callers.delete(boot);
    }
  }

  /** Those of a shard. */
  *of(shard: number): Iterable<ChargeRecord> {
    for (const { records } of this.#callers.values()) {
      for (const record of records.values()) if (record.shard === shard) yield record;
    }
  }

  #caller(boot: string): Caller {
    let caller = this.#callers.get(boot);
    if (caller === undefined) {
      caller = { doneBelow: 0, records: new Map() };
      this.#callers.set(boot, caller);
    }
    return caller;
  }
}

/** What another owner is told of a charge; `undefined` when nothing is charged. */
export function copyOf(record: ChargeRecord): ChargeCopy | undefined {
  const { boot, number, limit, amount, by, cell, index, state, result } = record;
  if (state === "cancelled" || cell === "") return undefined;
  if (state === "answered" && result?.verdict !== "admitted") return undefined;
  return { boot, number, limit, amount, by: { node: by.node, boot: by.boot }, cell, index };
}
