/**
 * Forgets members that are long gone (memberlist.md 3.10).
 *
 * @module
 */

import type { MachineState } from "./machine_state.ts";

/** Moves the gone from the table to the tombstones. */
export class Reaper {
  readonly #state: MachineState;

  /** Works on `state.members` and `state.tombstones`. */
  constructor(state: MachineState) {
    this.#state = state;
  }

  /** Forgets everyone dead or left for longer than `gossipToTheDeadMs`, and shuffles the rest. */
  reap(): void {
    const { members, tombstones, config, now, self } = this.#state;
    const reaped = members.reap(now - config.gossipToTheDeadMs, self);
    for (const { name, address, incarnation } of reaped) {
      tombstones.add(name, incarnation, now);
      this.#state.emit({ type: "reaped", name, address });
    }
  }
}
