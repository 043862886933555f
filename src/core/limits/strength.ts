/**
 * The seam between counting and deciding: one implementation per strength.
 *
 * @module
 */

import type { Millis, WallMillis } from "../machine.ts";
import type { RefusalReason } from "./contract.ts";
import type { Counter } from "./counter.ts";
import type { ResolvedLimit } from "./definition.ts";

/** An amount that is set aside until it is known what it really was. */
export interface Hold {
  /** It was `actual`. Once. */
  settle(actual: number, now: Millis): void;
}

/**
 * Decides for one limit. All of it is synchronous; what it wants to have told to others goes with the next word of our
 * cell. A call that takes of several limits checks all of them before any is charged.
 */
export interface Strength {
  /** The definition changed; counts stay. */
  define(limit: ResolvedLimit): void;
  /** A window begins, and with it this counter. */
  open(counter: Counter): void;
  /** Why `amount` may not be taken now; `undefined` when it may. Charges nothing. */
  check(amount: number, now: Millis): RefusalReason | undefined;
  /** `amount` was charged: as checked, in shadow mode, or of what was `free`. */
  charged(amount: number, now: Millis): void;
  /** As `charged`, but the amount is an estimate; `undefined` when nobody has to be told what it was. */
  reserve(amount: number, now: Millis): Hold | undefined;
  /**
   * What could be taken now without any check, call by call, and until when: true whatever the strength may learn
   * without being told so. Negative: nothing.
   */
  readonly free: number;
  /** See `free`. */
  readonly freeUntilMs: Millis;
  /** How soon a refusal for another reason than `limit` may be over; `Infinity`: not by waiting. */
  retryMs(reason: RefusalReason): Millis;
  /** Other columns or the members changed. */
  learned(): void;
  /** Completes the next word of our column with what it says besides its counts. */
  speak(now: Millis): void;
  /** All acknowledgers know our word `word`. */
  settled(word: number): void;
  /** Whether our column needs another word though its counts are told. */
  readonly wantsWord: boolean;
  /** Whether the next word should go out sooner than usual. */
  readonly isUrgent: boolean;
  /** We leave: nothing more will be taken. */
  close(): void;
  /** What others may have taken at most that is not known here. */
  unseenMax(now: Millis, wallMs: WallMillis): number;
}
