/**
 * What lies between the hosts: delays, losses and cuts. Hosts and their sockets share one.
 *
 * @module
 */

import type { Millis } from "../../core/machine.ts";
import { Rng } from "../../core/rng.ts";
import type { Clock } from "../../ports/clock.ts";
import {
  Cuts,
  type NetworkFaults,
  type ResolvedFaults,
  resolveFaults,
} from "../simulation/faults.ts";
import type { Place } from "./place.ts";

/** Datagrams under way at once; more are lost, as in a router whose queue is full. */
const UNDER_WAY_MAX = 65_536;

/** What became of datagrams and dials. */
export interface MemoryCounters {
  /** Datagrams handed to the network. */
  readonly datagrams: number;
  /** Datagrams that arrived nowhere: dropped, cut, too large for the way, nobody bound there. */
  readonly lost: number;
  /** Datagrams that were doubled. */
  readonly doubled: number;
  /** Dials that were refused. */
  readonly refused: number;
}

/** The network's state, its dice and its time. */
export class Wires {
  readonly clock: Clock;
  readonly cuts: Cuts = new Cuts();
  /** Hosts by IP. */
  readonly places: Map<string, Place> = new Map();
  readonly counters: { -readonly [K in keyof MemoryCounters]: number } = {
    datagrams: 0,
    lost: 0,
    doubled: 0,
    refused: 0,
  };
  faults: ResolvedFaults;
  readonly #rng: Rng;
  #underWay = 0;

  /** The same seed and the same sends give the same losses and delays. */
  constructor(clock: Clock, seed: number, faults: NetworkFaults) {
    this.clock = clock;
    this.#rng = new Rng(seed);
    this.faults = resolveFaults(faults);
  }

  /** Whether something sent from `a` to `b` is not answered: a connection needs both directions. */
  isStalled(a: Place, b: Place): boolean {
    return this.cuts.isCut(a.index, b.index) || this.cuts.isCut(b.index, a.index);
  }

  /** How long the next hop takes. What stays within a host takes the least delay. */
  delayMs(a: Place, b: Place): Millis {
    const [least, most] = this.faults.delayMs;
    return least === most || a === b ? least : this.#rng.between(least, most);
  }

  /** Runs something one hop later. */
  hop(a: Place, b: Place, run: () => void): void {
    this.clock.alarm(this.clock.now() + this.delayMs(a, b), run);
  }

  /** Carries one datagram: never, once or twice. What stays within a host always arrives. */
  carry(a: Place, b: Place | undefined, bytes: number, arrive: () => void): void {
    this.counters.datagrams++;
    if (b === undefined || (a !== b && this.#drops(a, b, bytes))) return this.lose();
    this.#launch(a, b, arrive);
    const { duplicateRatio } = this.faults;
    if (a === b || duplicateRatio === 0 || !this.#rng.chance(duplicateRatio)) return;
    this.counters.doubled++;
    this.#launch(a, b, arrive);
  }

  /** Counts a datagram that arrived nowhere. */
  lose(): void {
    this.counters.lost++;
  }

  #drops(a: Place, b: Place, bytes: number): boolean {
    const { lossRatio, datagramBytesMax } = this.faults;
    return bytes > datagramBytesMax || this.cuts.isCut(a.index, b.index) ||
      (lossRatio > 0 && this.#rng.chance(lossRatio));
  }

  #launch(a: Place, b: Place, arrive: () => void): void {
    if (this.#underWay >= UNDER_WAY_MAX) return this.lose();
    this.#underWay++;
    this.hop(a, b, () => {
      this.#underWay--;
      arrive();
    });
  }
}
