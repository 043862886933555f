/**
 * A connection between two hosts of the simulated network: two directions, each in order, with a buffer that fills.
 *
 * @module
 */

import type { Address, Millis } from "../../core/machine.ts";
import type { Network } from "./network.ts";

/** Which listener a pipe was dialled to. */
export type PipePlane = "gossip" | "rpc";

/** One end of a pipe. Handlers are set by its owner when it gets the end. */
export interface PipeEnd {
  readonly plane: PipePlane;
  /** The host at the other end. */
  readonly remote: Address;
  /** Bytes, in order. `taken` is called, perhaps at once, when there is room for more. */
  send(bytes: Uint8Array, taken?: () => void): void;
  /** Closes: what was sent still arrives, then the other end hears `closed`. */
  close(): void;
  onBytes: (bytes: Uint8Array) => void;
  onClosed: (error?: string) => void;
}

/** How long a pipe stalls before both ends give it up. */
export const PIPE_TIMEOUT_MS = 10_000;

/** How often a stalled pipe looks whether its way is open again. */
const STALL_MS = 200;

/** Bytes under way in one direction before it pushes back. */
const BUFFER_BYTES = 262_144;

interface UnderWay {
  readonly at: Millis;
  readonly since: Millis;
  readonly size: number;
  readonly arrive: () => void;
}

/** Where an end is. */
interface Place {
  readonly host: number;
  readonly address: Address;
}

/** Both ends. */
export class Pipe {
  readonly near: End;
  readonly far: End;

  /** `dialler` gets `near`. */
  constructor(network: Network, plane: PipePlane, dialler: Place, acceptor: Place) {
    this.near = new End(network, this, plane, dialler.host, acceptor.address);
    this.far = new End(network, this, plane, acceptor.host, dialler.address);
  }

  /** Whether an end is on that host. */
  touches(host: number): boolean {
    return this.near.host === host || this.far.host === host;
  }

  /** The process at `host` is gone; its kernel says so to the other end. */
  reset(host: number): void {
    const [own, other] = this.near.host === host ? [this.near, this.far] : [this.far, this.near];
    own.vanish();
    other.hearReset();
  }

  /** The machine at `host` is gone; nobody says so, and nobody sends again what a cut has held up. */
  forsake(host: number): void {
    const [own, other] = this.near.host === host ? [this.near, this.far] : [this.far, this.near];
    own.vanish();
    other.losePending();
  }

  /** The other end of one. */
  peerOf(end: End): End {
    return end === this.near ? this.far : this.near;
  }
}

/** See {@linkcode PipeEnd}. */
export class End implements PipeEnd {
  readonly plane: PipePlane;
  readonly remote: Address;
  readonly host: number;
  onBytes: (bytes: Uint8Array) => void = () => {};
  onClosed: (error?: string) => void = () => {};
  readonly #network: Network;
  readonly #pipe: Pipe;
  readonly #epoch: number;
  /** What is under way to this end, oldest first. */
  readonly #inbox: UnderWay[] = [];
  #inboxBytes = 0;
  #pumping = false;
  #lastArrival: Millis = 0;
  #waiting: (() => void)[] = [];
  #open = true;

  constructor(network: Network, pipe: Pipe, plane: PipePlane, host: number, remote: Address) {
    this.#network = network;
    this.#pipe = pipe;
    this.plane = plane;
    this.host = host;
    this.remote = remote;
    this.#epoch = network.epoch(host);
  }

  /** Neither closed nor broken, and its process lives. */
  get isOpen(): boolean {
    return this.#open && this.#network.epoch(this.host) === this.#epoch;
  }

  send(bytes: Uint8Array, taken?: () => void): void {
    if (!this.isOpen) return;
    const peer = this.#peer;
    peer.#take(bytes.length, () => {
      if (!peer.isOpen) return;
      this.#network.carried(peer.host, bytes.length);
      peer.onBytes(bytes);
    });
    if (taken === undefined) return;
    if (peer.#inboxBytes <= BUFFER_BYTES) taken();
    else this.#waiting.push(taken);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    const peer = this.#peer;
    peer.#take(0, () => peer.#break());
  }

  /** Its process is gone. */
  vanish(): void {
    this.#open = false;
  }

  /** What a cut holds up will never come. */
  losePending(): void {
    if (!this.#network.isCutEitherWay(this.host, this.#peer.host)) return;
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
  }

  /** The other end's kernel says that its process is gone, if its word gets through. */
  hearReset(): void {
    const network = this.#network;
    network.timeline.at(network.timeline.now + network.delay(), () => {
      if (!network.cuts.isCut(this.#peer.host, this.host)) this.#break("connection reset");
    });
  }

  get #peer(): End {
    return this.#pipe.peerOf(this);
  }

  /** Something comes in, after what is under way already. */
  #take(size: number, arrive: () => void): void {
    const { now } = this.#network.timeline;
    const at = Math.max(now + this.#network.delay(), this.#lastArrival);
    this.#lastArrival = at;
    this.#inboxBytes += size;
    this.#inbox.push({ at, since: now, size, arrive });
    if (!this.#pumping) this.#pump(at);
  }

  #pump(at: Millis): void {
    this.#pumping = true;
    this.#network.timeline.at(at, () => {
      this.#pumping = false;
      this.#drain();
    });
  }

  /** Hands over what has arrived; a cut and a blocked host stall it. */
  #drain(): void {
    const network = this.#network;
    const { now } = network.timeline;
    for (;;) {
      const first = this.#inbox[0];
      if (first === undefined) return;
      if (first.at > now) return this.#pump(first.at);
      const host = network.host(this.host);
      const isGone = host === undefined || network.epoch(this.host) !== this.#epoch;
      if (isGone || network.isCutEitherWay(this.host, this.#peer.host)) {
        if (now - first.since < PIPE_TIMEOUT_MS) return this.#pump(now + STALL_MS);
        this.#peer.#break("connection timed out");
        this.#break("connection timed out");
        return;
      }
      if (host.blockedUntil > now) return this.#pump(host.blockedUntil);
      this.#inbox.shift();
      this.#inboxBytes -= first.size;
      first.arrive();
      if (this.#inboxBytes <= BUFFER_BYTES) this.#peer.#resume();
    }
  }

  #resume(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const taken of waiting) if (this.isOpen) taken();
  }

  #break(error?: string): void {
    this.#network.forget(this.#pipe);
    if (!this.isOpen) return;
    this.#open = false;
    this.onClosed(error);
  }
}
