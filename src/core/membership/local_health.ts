/**
 * Hears of this process's own troubles: a blocked event loop, packets that waited (design.md, Membership).
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { Countdown } from "./countdown.ts";
import type { MachineState } from "./machine_state.ts";
import type { Prober } from "./prober.ts";

/** Share of the probe timeout from which a delay counts as illness. */
const ILL_SHARE = 0.5;

/** Folds lag into the health score, and keeps a node that was blocked from accusing those it could not hear. */
export class LocalHealth {
  readonly #state: MachineState;
  readonly #prober: Prober;
  readonly #countdown: Countdown;
  #blockedMs: Millis = -Infinity;
  #queuedMs: Millis = -Infinity;

  /** Probes and suspicions get a reprieve through `prober` and `countdown`. */
  constructor(state: MachineState, prober: Prober, countdown: Countdown) {
    this.#state = state;
    this.#prober = prober;
    this.#countdown = countdown;
  }

  /** This process did nothing for `lagMs` until now. One block may be reported twice: as lag and as a late tick. */
  blocked(lagMs: Millis): void {
    const { config, now, counters } = this.#state;
    if (lagMs < config.probeTimeoutMs * ILL_SHARE || now - this.#blockedMs < lagMs) return;
    this.#blockedMs = now;
    counters.lags++;
    this.#state.adjustHealth(lagMs > config.probeTimeoutMs ? 2 : 1);
    if (lagMs <= config.probeTimeoutMs) return;
    this.#prober.reprieve();
    this.#countdown.reprieve(now + config.probeIntervalMs);
  }

  /** A packet waited `queuedMs` between socket and machine; counts once per probe interval. */
  queued(queuedMs: Millis): void {
    const { config, now } = this.#state;
    if (queuedMs < config.probeTimeoutMs * ILL_SHARE) return;
    if (now - this.#queuedMs < config.probeIntervalMs) return;
    this.#queuedMs = now;
    this.#state.adjustHealth(1);
  }
}
