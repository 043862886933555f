/**
 * A suspected member's time to speak up (memberlist.md 4.4). Owns no timer: the deadline is a number.
 *
 * @module
 */

import { ln } from "../logarithm.ts";
import type { Millis } from "../machine.ts";
import type { SuspicionEvidence } from "./contract.ts";

/** Between what the timeout moves, and how many must agree for the shortest. */
export interface SuspicionBounds {
  readonly minMs: Millis;
  readonly maxMs: Millis;
  /** Confirmations that bring the timeout down to `minMs`; 0: it is `minMs` from the start. */
  readonly confirmationsMax: number;
}

/** Circumstances worth keeping for people. */
export interface SuspicionOrigin {
  readonly accuser: string;
  readonly sinceMs: Millis;
  readonly localHealth: number;
  readonly lastAckAgoMs: Millis | undefined;
}

/** The whole timeout after `confirmations` independent ones, whole milliseconds, never below `minMs`. */
export function suspicionTimeoutAfter(confirmations: number, bounds: SuspicionBounds): Millis {
  const { minMs, maxMs, confirmationsMax } = bounds;
  if (confirmationsMax < 1) return minMs;
  const share = ln(confirmations + 1) / ln(confirmationsMax + 1);
  return Math.max(minMs, Math.floor(maxMs - share * (maxMs - minMs)));
}

/** One suspicion, with its evidence. */
export class Suspicion {
  readonly origin: SuspicionOrigin;
  readonly #bounds: SuspicionBounds;
  readonly #confirmations: string[] = [];
  #deadlineMs: Millis;
  #reprieved = false;

  /** Starts the countdown on behalf of the first accuser. */
  constructor(origin: SuspicionOrigin, bounds: SuspicionBounds) {
    this.origin = origin;
    this.#bounds = bounds;
    this.#deadlineMs = origin.sinceMs + suspicionTimeoutAfter(0, bounds);
  }

  /** When silence becomes death; may lie in the past after a confirmation. */
  get deadlineMs(): Millis {
    return this.#deadlineMs;
  }

  /** Counts one more accuser; `true` means news, worth gossiping on. */
  confirm(by: string): boolean {
    if (this.#confirmations.length >= this.#bounds.confirmationsMax) return false;
    if (by === this.origin.accuser || this.#confirmations.includes(by)) return false;
    this.#confirmations.push(by);
    const timeoutMs = suspicionTimeoutAfter(this.#confirmations.length, this.#bounds);
    this.#deadlineMs = this.origin.sinceMs + timeoutMs;
    return true;
  }

  /** Moves a deadline before `at` to `at`, once: this process was blocked, the refutation may still be in a buffer. */
  reprieve(at: Millis): boolean {
    if (this.#reprieved || this.#deadlineMs >= at) return false;
    this.#reprieved = true;
    this.#deadlineMs = at;
    return true;
  }

  /** What people may read. */
  evidence(): SuspicionEvidence {
    const { accuser, sinceMs, localHealth, lastAckAgoMs } = this.origin;
    return Object.freeze({
      accuser,
      confirmations: Object.freeze([...this.#confirmations]),
      sinceMs,
      deadlineMs: this.#deadlineMs,
      localHealth,
      ...(lastAckAgoMs === undefined ? {} : { lastAckAgoMs }),
    });
  }
}
