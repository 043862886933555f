/**
 * What a link tells its peer about what the peer has now: claims go behind the batches that make them true.
 *
 * @module
 */

import type { AgreedTable } from "./agreed.ts";
import type { AgreedRow } from "./frames.ts";

/** Claims of one link. */
export class Claims {
  readonly #table: AgreedTable;
  #boot = "";
  #enabled = false;
  /** Once everything we held was compared or sent, our own writes follow one by one. */
  #based = false;
  #numberSent = 0;
  /** The peer may take over rows last changed up to here; those that changed since wait for the next comparison. */
  #rowsUpTo = 0;
  #rowsSent = 0;

  constructor(table: AgreedTable) {
    this.#table = table;
  }

  /** A claim waits to be made, with a batch of its own if need be. */
  get isDue(): boolean {
    return this.#enabled && this.#based &&
      (this.#numberSent < this.#table.ownNumber || this.#rowsSent < this.#rowsUpTo);
  }

  /** A stream stands. */
  begin(peerBoot: string, enabled: boolean): void {
    this.#enabled = enabled;
    if (this.#boot === peerBoot) return;
    this.#boot = peerBoot;
    this.#based = false;
    this.#rowsUpTo = 0;
  }

  /** The stream is gone, and with it perhaps what was claimed last. */
  lost(): void {
    this.#numberSent = 0;
    this.#rowsSent = 0;
  }

  /**
   * The peer lacks nothing of what we held when our table was at `revision`, but for what waits to be sent. Rows that
   * changed meanwhile may speak of what came after its range was compared.
   */
  compared(revision: number): void {
    this.#based = true;
    this.#rowsUpTo = Math.max(this.#rowsUpTo, revision);
  }

  /** The claims for a batch behind which nothing waits. */
  take(): { readonly number: number; readonly agreed: readonly AgreedRow[] } | undefined {
    if (!this.#enabled || !this.#based) return undefined;
    const { rows, reached } = this.#table.changed(this.#rowsSent, this.#rowsUpTo);
    this.#rowsSent = reached;
    this.#numberSent = this.#table.ownNumber;
    return { number: this.#numberSent, agreed: rows };
  }
}
