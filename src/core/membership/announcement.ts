/**
 * Waits until news about ourselves has been passed on.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { BroadcastWatch } from "./audience.ts";
import type { Due, MachineState } from "./machine_state.ts";

/** Settles an operation once its broadcast was sent `sends` times or can't be sent any more. */
export class Announcement implements BroadcastWatch, Due {
  readonly #state: MachineState;
  readonly #op: number;
  readonly #action: string;
  readonly #timeoutMs: Millis;
  #missing: number;
  #settled = false;

  /** `action` is what error texts call it; a `timeoutMs` of 0 waits for as long as it takes. */
  constructor(
    state: MachineState,
    op: number,
    action: string,
    timeoutMs: Millis,
    sends: number,
  ) {
    this.#state = state;
    this.#op = op;
    this.#action = action;
    this.#timeoutMs = timeoutMs;
    this.#missing = sends;
  }

  /** Begins to wait, or settles at once where nobody is there to hear. */
  begin(): void {
    if (!this.#state.hasPeers() || this.#missing <= 0) this.#done();
    else if (this.#timeoutMs > 0 && !this.#settled) {
      this.#state.arm(this, this.#state.now + this.#timeoutMs);
    }
  }

  /** Counts a transmission, from the queue or direct. */
  sent(): void {
    this.#missing--;
    if (this.#missing <= 0) this.#done();
  }

  /** All transmissions done, or overtaken by newer news. */
  finished(): void {
    this.#done();
  }

  /** The time is up. */
  due(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#state.fail(
      this.#op,
      "timeout",
      `Cannot confirm the ${this.#action} within ${this.#timeoutMs} ms: it was sent to too few members, ` +
        `it still goes out with later packets`,
    );
  }

  #done(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#state.deadlines.delete(this);
    this.#state.settle(this.#op, { ok: true });
  }
}
