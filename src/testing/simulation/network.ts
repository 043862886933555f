/**
 * A network in virtual time: datagrams that get lost, doubled and late, and pipes (TCP connections, RPC streams) that
 * keep their order and stall or break.
 *
 * @module
 */

import type { Address, Millis } from "../../core/machine.ts";
import type { Rng } from "../../core/rng.ts";
import type { EventHash } from "./event_hash.ts";
import { Cuts, type NetworkFaults, type ResolvedFaults, resolveFaults } from "./faults.ts";
import { Pipe, type PipeEnd, type PipePlane } from "./pipe.ts";
import type { Timeline } from "./timeline.ts";

/** What the network hands to a host. A host that is down gets nothing. */
export interface NetworkHost {
  /** Until when the host handles nothing (a blocked event loop): its kernel keeps what comes. */
  readonly blockedUntil: Millis;
  /** A datagram, and for how long it waited for the host to be free. */
  packet(from: Address, bytes: Uint8Array, queuedMs: Millis): void;
  /** Somebody dialled `plane`. */
  accepted(pipe: PipeEnd): void;
}

/** Datagrams that a blocked host's kernel keeps; more are lost. */
const KERNEL_DATAGRAMS_MAX = 1_024;

/** Hosts by number, each with one IP and one port per plane. */
export class Network {
  readonly cuts: Cuts = new Cuts();
  readonly timeline: Timeline;
  readonly #rng: Rng;
  readonly #hash: EventHash;
  readonly #hosts: (NetworkHost | undefined)[] = [];
  /** Raised at every crash, so that what belongs to an earlier life is dropped. */
  readonly #epochs: number[] = [];
  /** Hosts that are down and do not even refuse. */
  readonly #dark: Set<number> = new Set();
  readonly #queued: number[] = [];
  readonly #addresses: Map<Address, number> = new Map();
  readonly #pipes: Set<Pipe> = new Set();
  #faults: ResolvedFaults;
  /** Datagrams handed to the network. */
  datagrams = 0;
  /** Datagrams that never arrived. */
  lost = 0;

  /** Dice and time come from the simulation. */
  constructor(timeline: Timeline, rng: Rng, hash: EventHash, faults: NetworkFaults) {
    this.timeline = timeline;
    this.#rng = rng;
    this.#hash = hash;
    this.#faults = resolveFaults(faults);
  }

  /** What the network does at present. */
  get faults(): ResolvedFaults {
    return this.#faults;
  }

  /** Replaces the faults from now on. */
  set faults(faults: NetworkFaults) {
    this.#faults = resolveFaults(faults);
  }

  /** Makes a host reachable under its addresses. */
  attach(index: number, host: NetworkHost, addresses: readonly Address[]): void {
    this.#hosts[index] = host;
    this.#epochs[index] ??= 0;
    this.#queued[index] = 0;
    this.#dark.delete(index);
    for (const address of addresses) this.#addresses.set(address, index);
  }

  /**
   * The host's process is gone. `dark`: the machine is gone with it, nothing is told or refused; otherwise its pipes
   * break at the other ends and dials are refused.
   */
  crash(index: number, dark = false): void {
    for (const pipe of [...this.#pipes]) {
      if (!pipe.touches(index)) continue;
      if (dark) pipe.forsake(index);
      else pipe.reset(index);
      if (!pipe.near.isOpen && !pipe.far.isOpen) this.#pipes.delete(pipe);
    }
    this.#hosts[index] = undefined;
    this.#epochs[index] = (this.#epochs[index] ?? 0) + 1;
    if (dark) this.#dark.add(index);
  }

  /** Sends one datagram. */
  datagram(from: number, source: Address, to: Address, bytes: Uint8Array): void {
    this.datagrams++;
    const target = this.#addresses.get(to);
    const { lossRatio, duplicateRatio, datagramBytesMax } = this.#faults;
    if (
      target === undefined || bytes.length > datagramBytesMax || this.cuts.isCut(from, target) ||
      (lossRatio > 0 && this.#rng.chance(lossRatio))
    ) {
      this.lost++;
      return;
    }
    const copies = duplicateRatio > 0 && this.#rng.chance(duplicateRatio) ? 2 : 1;
    const epoch = this.#epochs[target] as number;
    for (let i = 0; i < copies; i++) {
      this.timeline.at(
        this.timeline.now + this.delay(),
        () => this.#arrive(target, epoch, source, bytes),
      );
    }
  }

  /**
   * Dials; `opened` or `failed` is called later. While the way is cut neither is, as with a SYN that gets no answer;
   * the caller has its own deadline.
   */
  dial(
    from: number,
    source: Address,
    plane: PipePlane,
    to: Address,
    opened: (end: PipeEnd) => void,
    failed: (error: string) => void,
  ): void {
    const target = this.#addresses.get(to);
    const epoch = this.epoch(from);
    const refuse = (): void => {
      this.#later(() => this.epoch(from) === epoch && failed(`connection refused by ${to}`));
    };
    if (target === undefined) return refuse();
    this.#later(() => {
      if (this.epoch(from) !== epoch || this.#dark.has(target)) return;
      if (this.cuts.isCut(from, target) || this.cuts.isCut(target, from)) return;
      if (this.#hosts[target] === undefined) return refuse();
      const pipe = new Pipe(this, plane, { host: from, address: source }, {
        host: target,
        address: to,
      });
      this.#pipes.add(pipe);
      this.#accept(target, this.epoch(target), pipe.far);
      this.#later(() => {
        if (this.epoch(from) === epoch && pipe.near.isOpen) opened(pipe.near);
      });
    });
  }

  /** The host of that number; `undefined` while it is down. */
  host(index: number): NetworkHost | undefined {
    return this.#hosts[index];
  }

  /** Which life of a host this is. */
  epoch(index: number): number {
    return this.#epochs[index] ?? 0;
  }

  /** Whether anything sent from one host to the other is answered. */
  isCutEitherWay(a: number, b: number): boolean {
    return this.cuts.any && (this.cuts.isCut(a, b) || this.cuts.isCut(b, a));
  }

  /** How long the next hop takes. */
  delay(): Millis {
    const [least, most] = this.#faults.delayMs;
    return least === most ? least : this.#rng.between(least, most);
  }

  /** Notes that bytes of a pipe arrived. */
  carried(host: number, bytes: number): void {
    this.#hash.step(this.timeline.now, host, -bytes);
  }

  /** A pipe has no open end any more. */
  forget(pipe: Pipe): void {
    this.#pipes.delete(pipe);
  }

  #arrive(target: number, epoch: number, source: Address, bytes: Uint8Array): void {
    const host = this.#hosts[target];
    if (host === undefined || this.#epochs[target] !== epoch) {
      this.lost++;
      return;
    }
    const { now } = this.timeline;
    if (host.blockedUntil <= now) {
      this.#hash.step(now, target, bytes.length);
      return host.packet(source, bytes, 0);
    }
    const queued = (this.#queued[target] as number) + 1;
    if (queued > KERNEL_DATAGRAMS_MAX) {
      this.lost++;
      return;
    }
    this.#queued[target] = queued;
    this.timeline.at(host.blockedUntil, () => {
      if (this.#epochs[target] !== epoch) return;
      this.#queued[target] = (this.#queued[target] as number) - 1;
      this.#hash.step(this.timeline.now, target, bytes.length);
      host.packet(source, bytes, this.timeline.now - now);
    });
  }

  #accept(target: number, epoch: number, end: PipeEnd): void {
    const host = this.#hosts[target];
    if (host === undefined || this.#epochs[target] !== epoch) return;
    if (host.blockedUntil <= this.timeline.now) return host.accepted(end);
    this.timeline.at(host.blockedUntil, () => this.#accept(target, epoch, end));
  }

  #later(run: () => void): void {
    this.timeline.at(this.timeline.now + this.delay(), run);
  }
}
