/**
 * What a holder may admit in one window of one limit.
 *
 * Invariant: `free = granted - returned - used - open`, and `returned` grows only by what `free` has just been lowered
 * by; so what was given back can never be spent as well.
 *
 * @module
 */

import { compareVersions, type Version } from "../../hlc.ts";
import type { Millis } from "../../machine.ts";
import type { LeaseWindow } from "./contract.ts";

/** See the module. Fields are plain, because every decision touches them. */
export class Right {
  readonly window: LeaseWindow;
  /** What may still be taken; below 0 there is debt. */
  free = 0;
  granted = 0;
  returned = 0;
  /** Settled use, less refunds. */
  used = 0;
  /** Estimates of open reservations. */
  open = 0;
  /** The most `used` ever was: what is reported as spent. */
  spent = 0;
  /**
   * Until when the root's clock is known to be in the window, on our monotonic clock: every answer proves it for the
   * time that was left when the question was answered, counted from its sending.
   */
  provenUntil: Millis = -Infinity;
  /** When the window ends by our cluster time, on our monotonic clock; only comes nearer. */
  endsAt: Millis = Infinity;
  /** The window is over here. */
  isOver = false;
  /** What a quorum is known to have written down. */
  reportedReturned = 0;
  reportedSpent = 0;
  /** Newest definition under which anything of it was granted. */
  version: Version | undefined;

  /** An empty right. */
  constructor(window: LeaseWindow) {
    this.window = window;
  }

  /** A quorum wrote down that this much was granted in all, under that definition. */
  grant(granted: number, version: Version): void {
    if (granted <= this.granted) return;
    if (this.version === undefined || compareVersions(version, this.version) > 0) {
      this.version = version;
    }
    this.free += granted - this.granted;
    this.granted = granted;
  }

  /** The ledger says more than we were ever told; that is given back unseen. */
  correct(granted: number): void {
    if (granted <= this.granted) return;
    this.returned += granted - this.granted;
    this.granted = granted;
  }

  /** Gives back what is not needed: all of `free` but `keep`. Answers how much. */
  giveBack(keep: number): number {
    // Below what was once spent the root charges anyway: what was refunded stays usable here.
    const lent = this.granted - this.returned - Math.max(this.spent, this.used + this.open);
    const amount = Math.min(this.free, lent) - Math.max(0, keep);
    if (!(amount > 0)) return 0;
    this.free -= amount;
    this.returned += amount;
    return amount;
  }

  /** Takes `amount`, which `free` need not cover when isolation allows more. */
  take(amount: number): void {
    this.free -= amount;
    this.used += amount;
    if (this.used > this.spent) this.spent = this.used;
  }

  /** Sets `amount` aside. */
  reserve(amount: number): void {
    this.free -= amount;
    this.open += amount;
  }

  /** A reservation of `estimate` cost `actual`. What was not needed can be taken again, while the window is open. */
  settle(estimate: number, actual: number): void {
    this.open -= estimate;
    this.used += actual;
    this.free += estimate - actual;
    if (this.used > this.spent) this.spent = this.used;
  }

  /** Something taken was not needed. */
  refund(amount: number): void {
    this.used -= amount;
    this.free += amount;
  }

  /** Whether the root has to hear of it. */
  get isReported(): boolean {
    return this.returned <= this.reportedReturned && this.spent <= this.reportedSpent;
  }
}
