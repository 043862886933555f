/**
 * Sends queued broadcasts to random members (memberlist.md 4.6).
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { Due, MachineState } from "./machine_state.ts";
import type { Outbox } from "./outbox.ts";

/** The gossip timer. It is armed only while there is something to say, at a random phase that never moves. */
export class Gossip implements Due {
  readonly #state: MachineState;
  readonly #outbox: Outbox;
  #phaseMs: Millis = 0;
  #armed = false;

  /** Sends through `outbox`. */
  constructor(state: MachineState, outbox: Outbox) {
    this.#state = state;
    this.#outbox = outbox;
  }

  /** Draws the phase. */
  start(): void {
    this.#phaseMs = this.#state.now + this.#state.rng.unit() * this.#state.config.gossipIntervalMs;
  }

  /** Called after every input: arms the timer when something waits. */
  wake(): void {
    if (this.#armed || !this.#wanted()) return;
    const { gossipIntervalMs } = this.#state.config;
    const { now } = this.#state;
    const periods = Math.max(0, Math.floor((now - this.#phaseMs) / gossipIntervalMs) + 1);
    const at = this.#phaseMs + periods * gossipIntervalMs;
    this.#armed = true;
    // Rounding may put the end of the present period on this very instant.
    this.#state.arm(this, at > now ? at : at + gossipIntervalMs);
  }

  /** One round. */
  due(): void {
    this.#armed = false;
    const { members, broadcasts, userBroadcasts, config, now } = this.#state;
    const forgotten = now - config.gossipToTheDeadMs;
    const targets = members.pick(config.gossipNodes, (record) => {
      if (this.#state.isSelf(record) || record.state === "left") return true;
      return record.state === "dead" && record.stateChangedMs < forgotten;
    });
    for (const target of targets) {
      if (broadcasts.size === 0 && userBroadcasts.size === 0) break;
      this.#outbox.sendQueued(target);
    }
  }

  #wanted(): boolean {
    const { config, broadcasts, userBroadcasts, members } = this.#state;
    if (broadcasts.size === 0 && userBroadcasts.size === 0) return false;
    return config.gossipIntervalMs > 0 && config.gossipNodes > 0 && members.size > 1;
  }
}
