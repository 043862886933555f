/**
 * A network in virtual time: datagrams that get lost, doubled and late, and pipes (TCP connections, RPC streams) that
 * keep their order and stall or break.
 *
 * @module
 */

import type { Address, Millis } from "../../core/machine.ts";
import type { Rng } from "../../core/rng.ts";
import { Cuts, type NetworkFaults, type ResolvedFaults, resolveFaults } from "./faults.ts";
import type { Timeline } from "./timeline.ts";

/** What the network hands to a host. A host that is down gets nothing. */
export interface NetworkHost {
  /** A datagram. */
  packet(from: Address, bytes: Uint8Array): void;
  /** Somebody dialled `plane`. */
  accepted(pipe: PipeEnd): void;
}

/** Which listener a pipe was dialled to. */
export type PipePlane = "gossip" | "rpc";

/** One end of a pipe. Handlers are set by its owner; what arrives before is kept. */
export interface PipeEnd {
  readonly plane: PipePlane;
  /** The host at the other end. */
  readonly remote: Address;
  /** Bytes, in order. `taken` is called once the other end's host has received them (flow control). */
  send(bytes: Uint8Array, taken?: () => void): void;
  /** Closes: what was sent still arrives, then the other end hears `closed`. */
  close(): void;
  onBytes: (bytes: Uint8Array) => void;
  onClosed: (error?: string) => void;
}

/** How long a cut pipe lasts before both ends give it up, as TCP keepalive would. */
export const PIPE_TIMEOUT_MS = 10_000;

/** How often a stalled pipe looks whether its way is open again. */
const STALL_MS = 200;

class End implements PipeEnd {
  readonly plane: PipePlane;
  readonly remote: Address;
  readonly host: number;
  readonly epoch: number;
  peer: End | undefined;
  open = true;
  /** When the last bytes under way to this end arrive; keeps the order. */
  lastArrival: Millis = 0;
  /** Whether the arrival of the oldest of {@linkcode inbox} is planned. */
  pumping = false;
  /** What is under way to this end, oldest first. */
  readonly inbox: { readonly at: Millis; readonly since: Millis; readonly arrive: () => void }[] =
    [];
  onBytes: (bytes: Uint8Array) => void = () => {};
  onClosed: (error?: string) => void = () => {};
  readonly #network: Network;

  constructor(network: Network, plane: PipePlane, host: number, epoch: number, remote: Address) {
    this.#network = network;
    this.plane = plane;
    this.host = host;
    this.epoch = epoch;
    this.remote = remote;
  }

  send(bytes: Uint8Array, taken?: () => void): void {
    if (this.open) this.#network.carry(this, bytes, taken);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.#network.carryClose(this);
  }
}

/** Hosts by number, each with one IP and one port per plane. */
export class Network {
  readonly cuts: Cuts = new Cuts();
  readonly #timeline: Timeline;
  readonly #rng: Rng;
  readonly #hosts: (NetworkHost | undefined)[] = [];
  /** Raised at every crash, so that what belongs to an earlier life is dropped. */
  readonly #epochs: number[] = [];
  readonly #addresses: Map<Address, number> = new Map();
  readonly #pipes: Set<End> = new Set();
  #faults: ResolvedFaults;
  /** Datagrams handed to the network. */
  datagrams = 0;
  /** Datagrams that never arrived. */
  lost = 0;

  /** Dice and time come from the simulation. */
  constructor(timeline: Timeline, rng: Rng, faults: NetworkFaults) {
    this.#timeline = timeline;
    this.#rng = rng;
    this.#faults = resolveFaults(faults);
  }

  /** Replaces the faults from now on. */
  set faults(faults: NetworkFaults) {
    this.#faults = resolveFaults(faults);
  }

  /** Makes a host reachable under its addresses. */
  attach(index: number, host: NetworkHost, addresses: readonly Address[]): void {
    this.#hosts[index] = host;
    this.#epochs[index] ??= 0;
    for (const address of addresses) this.#addresses.set(address, index);
  }

  /** The host is gone without a word: datagrams to it vanish, its pipes break at the other ends. */
  crash(index: number): void {
    this.#hosts[index] = undefined;
    this.#epochs[index] = (this.#epochs[index] ?? 0) + 1;
    for (const end of [...this.#pipes]) {
      if (end.host !== index) continue;
      end.open = false;
      this.#pipes.delete(end);
      const peer = end.peer;
      if (peer !== undefined) this.#later(peer, () => this.#break(peer, "connection reset"));
    }
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
    const epoch = this.#epochs[target];
    for (let i = 0; i < copies; i++) {
      this.#timeline.at(this.#timeline.now + this.#delay(), () => {
        if (this.#epochs[target] !== epoch) return;
        this.#hosts[target]?.packet(source, bytes);
      });
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
    const fromEpoch = this.#epochs[from] as number;
    const alive = (): boolean => this.#epochs[from] === fromEpoch;
    const refuse = (): void => {
      this.#timeline.at(
        this.#timeline.now + this.#delay(),
        () => alive() && failed(`connection refused by ${to}`),
      );
    };
    if (target === undefined) return refuse();
    if (this.cuts.isCut(from, target) || this.cuts.isCut(target, from)) return;
    this.#timeline.at(this.#timeline.now + this.#delay(), () => {
      const host = this.#hosts[target];
      if (!alive()) return;
      if (host === undefined) return refuse();
      const near = new End(this, plane, from, fromEpoch, to);
      const far = new End(this, plane, target, this.#epochs[target] as number, source);
      near.peer = far;
      far.peer = near;
      this.#pipes.add(near);
      this.#pipes.add(far);
      host.accepted(far);
      this.#timeline.at(this.#timeline.now + this.#delay(), () => near.open && opened(near));
    });
  }

  /** Carries bytes to the other end, in order. @internal */
  carry(end: End, bytes: Uint8Array, taken?: () => void): void {
    const peer = end.peer as End;
    this.#through(end, () => {
      if (!peer.open) return;
      peer.onBytes(bytes);
      if (taken !== undefined && end.open) taken();
    });
  }

  /** Tells the other end that this one is closed, after the bytes. @internal */
  carryClose(end: End): void {
    this.#pipes.delete(end);
    const peer = end.peer as End;
    this.#through(end, () => this.#break(peer));
  }

  /** Runs `arrive` at the other end in the order of sending; a cut stalls what is under way. */
  #through(end: End, arrive: () => void): void {
    const peer = end.peer as End;
    const at = Math.max(this.#timeline.now + this.#delay(), peer.lastArrival);
    peer.lastArrival = at;
    peer.inbox.push({ at, since: this.#timeline.now, arrive });
    if (peer.pumping) return;
    peer.pumping = true;
    this.#timeline.at(at, () => this.#pump(end, peer));
  }

  #pump(end: End, peer: End): void {
    for (;;) {
      const first = peer.inbox[0];
      if (first === undefined || !this.#lives(peer)) {
        peer.pumping = false;
        return;
      }
      if (first.at > this.#timeline.now) {
        return this.#timeline.at(first.at, () => this.#pump(end, peer));
      }
      if (this.cuts.isCut(end.host, peer.host) || this.cuts.isCut(peer.host, end.host)) {
        if (this.#timeline.now - first.since < PIPE_TIMEOUT_MS) {
          return this.#timeline.at(this.#timeline.now + STALL_MS, () => this.#pump(end, peer));
        }
        this.#break(end, "connection timed out");
        this.#break(peer, "connection timed out");
        return;
      }
      peer.inbox.shift();
      first.arrive();
    }
  }

  #break(end: End, error?: string): void {
    if (!end.open || !this.#lives(end)) return;
    end.open = false;
    this.#pipes.delete(end);
    end.onClosed(error);
  }

  #later(end: End, run: () => void): void {
    this.#timeline.at(this.#timeline.now + this.#delay(), () => this.#lives(end) && run());
  }

  #lives(end: End): boolean {
    return this.#epochs[end.host] === end.epoch && this.#hosts[end.host] !== undefined;
  }

  #delay(): Millis {
    const [least, most] = this.#faults.delayMs;
    return least === most ? least : this.#rng.between(least, most);
  }
}
