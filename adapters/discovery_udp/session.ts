/** @module */

import {
  type Address,
  ClusterError,
  type DiscoveryAnswer,
  type DiscoveryContext,
  type DiscoverySession,
  type Millis,
  parseAddress,
} from "../../mod.ts";
import { Air } from "./air.ts";
import { type Beacon, type BeaconKind, encodeBeacon, NONCE_BYTES } from "./beacon.ts";
import { Complaints } from "./complaints.ts";
import { Neighbours } from "./neighbours.ts";
import type { ResolvedUdpDiscovery } from "./options.ts";

/** When a starting node asks again: the first datagrams may be lost. */
const FIRST_PAUSES_MS: readonly Millis[] = [300, 700, 2_000];
/** How long the first answers are waited for. */
const FIRST_ANSWERS_MS = 1_000;
/** Who comes right behind the first one is told with it. */
const GATHER_MS = 100;
/** The list is not told more often. */
const TELL_MS = 250;
/** All nodes together send a beacon in this time at most, however many they are. */
const AIR_MS = 50;
const EVERY_MS_MAX = 300_000;
/** Of many nodes about so many answer a beacon: one is enough to join. */
const ANSWERERS = 8;
/** Our beacons whose answers still count. */
const NONCES_MAX = 16;
/** How far clocks may be apart for beacons to count; answers count whatever the clocks say. */
const SKEW_MS_MAX = 120_000;

/** Beacons, answers, and whom they told of. */
export class UdpSession implements DiscoverySession {
  readonly #options: ResolvedUdpDiscovery;
  readonly #context: DiscoveryContext;
  readonly #neighbours: Neighbours = new Neighbours();
  readonly #complaints: Complaints;
  readonly #nonces: Uint8Array[] = [];
  readonly #waiting: Set<() => void> = new Set();
  #opening: Promise<Air> | undefined;
  #air: Air | undefined;
  #count = 0;
  #isMember = false;
  #isClosed = false;
  /** Rounds since the start: the first ones come quickly and want answers. */
  #rounds = 0;
  /** Why the last round was not sent. */
  #failure: ClusterError | undefined;
  #disarm: () => void = () => {};
  #hasTold = false;
  #isNews = false;
  #toldMs: Millis = -Infinity;

  /** Throws `RangeError` for a node whose names are too long for a beacon. */
  constructor(options: ResolvedUdpDiscovery, context: DiscoveryContext) {
    this.#options = options;
    this.#context = context;
    this.#complaints = new Complaints(context.runtime.clock, context.say);
    encodeBeacon(this.#message("beacon", new Uint8Array(NONCE_BYTES), false), undefined);
  }

  /** The first answer comes with the first neighbour, or after a second; each later one with news. */
  async next(signal: AbortSignal): Promise<DiscoveryAnswer> {
    const { clock } = this.#context.runtime;
    await this.#begun(signal);
    if (this.#isMute) this.#round();
    try {
      await this.#untilNews(signal);
    } catch (error) {
      // Whoever asks again after a rejection has to hear of everybody.
      this.#isNews = true;
      throw error;
    }
    const failure = this.#failure;
    if (failure !== undefined && this.#isMute) throw failure;
    this.#hasTold = true;
    this.#isNews = false;
    this.#toldMs = clock.now();
    return { candidates: this.#neighbours.candidates };
  }

  /** From now on others are told that this node is there. */
  async announce(signal: AbortSignal): Promise<void> {
    await this.#begun(signal);
    this.#isMember = true;
    this.#throwIfOver(signal);
    this.#shout("beacon", this.#neighbours.size === 0);
  }

  /** Tells others that this node is there no more; what is lost of it, silence tells later. */
  async withdraw(signal: AbortSignal): Promise<void> {
    await this.#begun(signal);
    if (!this.#isMember) return;
    this.#isMember = false;
    this.#shout("goodbye", false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#disarm();
    this.#wake();
    const air = await this.#opening?.catch(() => undefined);
    await air?.[Symbol.asyncDispose]();
  }

  async #untilNews(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context.runtime;
    if (!this.#hasTold) {
      const hasFirst = (): boolean => this.#neighbours.size > 0 || this.#isMute;
      await this.#wait(signal, clock.now() + FIRST_ANSWERS_MS, hasFirst);
      if (!this.#isMute) await this.#wait(signal, clock.now() + GATHER_MS, () => false);
    } else {
      await this.#wait(signal, Infinity, () => this.#isNews || this.#isMute);
      await this.#wait(signal, this.#toldMs + TELL_MS, () => false);
    }
  }

  /** Opens the sockets, and begins the rounds; after a failure anew. */
  async #begun(signal: AbortSignal): Promise<void> {
    this.#throwIfOver(signal);
    this.#opening ??= Air.open(
      this.#options,
      this.#context,
      this.#complaints.drop,
      (beacon, from) => this.#onBeacon(beacon, from),
    );
    try {
      const air = await this.#opening;
      this.#throwIfOver(signal);
      if (this.#air !== undefined) return;
      this.#air = air;
      this.#round();
    } catch (error) {
      if (this.#air === undefined && !this.#isClosed) {
        const opened = await this.#opening.catch(() => undefined);
        if (opened === undefined) this.#opening = undefined;
      }
      throw error;
    }
  }

  #throwIfOver(signal: AbortSignal): void {
    if (this.#isClosed) {
      throw new ClusterError("closed", "Cannot discover by UDP: the session is closed");
    }
    if (signal.aborted) {
      throw new ClusterError("aborted", "Cannot discover by UDP: the caller gave up", {
        cause: signal.reason,
      });
    }
  }

  /** Sends a beacon and arms the next. */
  #round(): void {
    const { clock } = this.#context.runtime;
    if (this.#isClosed) return;
    const isFirst = this.#rounds < FIRST_PAUSES_MS.length;
    try {
      this.#shout("beacon", isFirst || this.#neighbours.size === 0);
      this.#failure = undefined;
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      this.#failure = error;
    }
    if (this.#neighbours.expire(clock.now())) this.#isNews = true;
    this.#wake();
    const everyMs = this.#everyMs * (0.9 + 0.2 * this.#dice());
    const pauseMs = Math.min(FIRST_PAUSES_MS[this.#rounds] ?? everyMs, everyMs);
    this.#rounds++;
    this.#disarm();
    this.#disarm = clock.alarm(clock.now() + pauseMs, () => this.#round());
  }

  #shout(kind: BeaconKind, wantsAnswers: boolean): void {
    const nonce = this.#context.runtime.entropy.bytes(NONCE_BYTES);
    this.#nonces.push(nonce);
    if (this.#nonces.length > NONCES_MAX) this.#nonces.shift();
    this.#air?.broadcast(this.#message(kind, nonce, wantsAnswers));
  }

  #message(kind: BeaconKind, nonce: Uint8Array, wantsAnswers: boolean): Beacon {
    const { self, runtime } = this.#context;
    const { nodeId, bootId, region, ip, port, rpcPort } = self;
    return {
      kind,
      isMember: this.#isMember,
      wantsAnswers,
      nonce,
      sentAt: runtime.clock.wall(),
      count: ++this.#count,
      everyMs: Math.ceil(this.#everyMs),
      ip,
      port,
      rpcPort,
      serviceName: this.#options.serviceName,
      nodeId,
      bootId,
      region,
    };
  }

  /** Whether there is nothing to tell but a failure. */
  get #isMute(): boolean {
    return this.#failure !== undefined && this.#neighbours.size === 0;
  }

  get #everyMs(): Millis {
    const { everyMs } = this.#options;
    return Math.max(everyMs, Math.min(AIR_MS * this.#neighbours.size, EVERY_MS_MAX));
  }

  #onBeacon(beacon: Beacon, from: Address): void {
    const { clock } = this.#context.runtime;
    const { kind, nonce, sentAt } = beacon;
    const isSealed = this.#air?.isSealed ?? false;
    if (kind === "answer") {
      const isOurs = this.#nonces.some((one) => one.every((byte, i) => byte === nonce[i]));
      if (!isOurs) return this.#complaints.drop("replayed");
    } else if (isSealed && Math.abs(clock.wall() - sentAt) > SKEW_MS_MAX) {
      const skew_seconds = Math.round((clock.wall() - sentAt) / 1000);
      return this.#complaints.drop("stale", { skew_seconds });
    }
    if (beacon.isMember || kind === "goodbye") {
      const heard = kind === "goodbye"
        ? this.#neighbours.farewell(beacon)
        : this.#neighbours.hear(beacon, reachedAt(beacon, from), clock.now());
      if (heard === "replayed" || heard === "table_full") return this.#complaints.drop(heard);
      if (heard === "news") {
        this.#isNews = true;
        this.#wake();
      }
    }
    if (kind === "beacon" && beacon.wantsAnswers) this.#answer(beacon, from);
  }

  /** Answers, unless so many nodes are there that others will. */
  #answer({ nonce }: Beacon, to: Address): void {
    if (!this.#isMember || this.#isClosed) return;
    if (this.#dice() * this.#neighbours.size > ANSWERERS) return;
    if (this.#air?.limits.admitsAnswer(this.#context.runtime.clock.now()) !== true) return;
    this.#air.send(this.#message("answer", nonce, false), to);
  }

  /** A number from 0 to 1. */
  #dice(): number {
    return (this.#context.runtime.entropy.bytes(1)[0] ?? 0) / 255;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Waits until `check` holds or that time has come; rejects when it is over. */
  async #wait(signal: AbortSignal, untilMs: Millis, check: () => boolean): Promise<void> {
    const { clock } = this.#context.runtime;
    while (!check() && clock.now() < untilMs) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#waiting.delete(done);
          signal.removeEventListener("abort", done);
          disarm();
          resolve();
        };
        const disarm = untilMs === Infinity ? () => {} : clock.alarm(untilMs, done);
        this.#waiting.add(done);
        signal.addEventListener("abort", done);
        if (signal.aborted || this.#isClosed) done();
      });
      this.#throwIfOver(signal);
    }
    this.#throwIfOver(signal);
  }
}

/** A node that does not know its address is reached where its datagram came from. */
function reachedAt({ ip }: Beacon, from: Address): string {
  return ip === "0.0.0.0" || ip === "::" ? parseAddress(from)?.ip ?? ip : ip;
}
