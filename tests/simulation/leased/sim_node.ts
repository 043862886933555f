/**
 * One machine in the simulation: its clock, what it sees of the others, its storage, and its process while it runs.
 *
 * @module
 */

import type {
  LeasedConfig,
  LeasedLimitFacts,
  LeasedMember,
  VoterList,
} from "../../../src/core/limits/leased/contract.ts";
import {
  Leased,
  type LeasedEffect,
  type LeasedInput,
} from "../../../src/core/limits/leased/machine.ts";
import type { LeasedMessage } from "../../../src/core/limits/leased/messages.ts";
import type { LeasedRules } from "../../../src/core/limits/leased/rules.ts";
import type { VoterRecord } from "../../../src/core/limits/leased/voter.ts";
import type { Rng } from "../../../src/core/rng.ts";
import type { LimitTruth } from "./oracle.ts";

/** Cluster time at the start of a simulation. */
export const EPOCH_MS = 1_700_000_000_000;

/** What the world does for a node. */
export interface NodeWorld {
  readonly rng: Rng;
  readonly now: number;
  readonly shards: number;
  readonly config: Partial<LeasedConfig>;
  readonly rules: LeasedRules | undefined;
  /** Voters keep their name over restarts though they forget. */
  readonly isForgetful: boolean;
  /** Storage says that something is written before it is. */
  readonly writesLate: boolean;
  readonly limits: readonly LimitTruth[];
  in(ms: number, act: () => void): void;
  transmit(from: SimNode, to: string, message: LeasedMessage): void;
}

interface Seen {
  boot: string;
  voter: string;
  state: LeasedMember["state"];
  lastSeen: number;
}

/** See the module. */
export class SimNode {
  readonly name: string;
  readonly hasStorage: boolean;
  leased: Leased | undefined;
  boot = "";
  voter = "";
  isLeaving = false;
  /** It will not come back. */
  isGone = false;
  /** It left in order. */
  hasLeft = false;
  blockedUntil = 0;
  skewMs = 0;
  /** How much faster its monotonic clock runs. */
  readonly drift: number;
  readonly seen: Map<string, Seen> = new Map();
  /** Newest list of each shard that its voter knew when its process ended. */
  lastLists: (VoterList | undefined)[] = [];
  /** Which definition of each limit it knows. */
  readonly known: number[] = [];
  readonly #world: NodeWorld;
  #records: VoterRecord[] = [];
  #boots = 0;
  #stores = 0;
  #bootedAt = 0;
  #wakeAt = Infinity;
  #writtenAt = 0;
  readonly #out: LeasedEffect[] = [];

  /** A node that is down. */
  constructor(world: NodeWorld, name: string, hasStorage: boolean, drift: number) {
    this.#world = world;
    this.name = name;
    this.hasStorage = hasStorage;
    this.drift = drift;
  }

  /** Whether its process runs. */
  get isUp(): boolean {
    return this.leased !== undefined;
  }

  /** Its monotonic clock. */
  get mono(): number {
    return 1_000 + (this.#world.now - this.#bootedAt) * (1 + this.drift);
  }

  /** Starts the process. */
  start(): void {
    const world = this.#world;
    this.boot = `${this.name}.${++this.#boots}`;
    const voter = world.isForgetful ? this.name : this.boot;
    this.voter = this.hasStorage ? `${this.name}/${this.#stores}` : voter;
    this.#bootedAt = world.now;
    this.#wakeAt = Infinity;
    this.isLeaving = false;
    this.blockedUntil = 0;
    this.seen.clear();
    const { name: node, boot, voter: vote } = this;
    this.leased = new Leased({
      self: { node, boot, voter: vote },
      rng: world.rng.fork(),
      config: world.config,
      hasStorage: this.hasStorage,
      records: this.#records,
      ...(world.rules === undefined ? {} : { rules: world.rules }),
    }, world.shards);
    this.tellClock();
    world.limits.forEach((_, index) => this.learn(index, this.known[index] ?? 0));
  }

  /** The process is gone at once. `andStorage`: its disk as well. */
  crash(andStorage: boolean): void {
    const { leased } = this;
    this.lastLists = Array.from(
      { length: this.#world.shards },
      (_, shard) => leased?.voter.list(shard),
    );
    this.leased = undefined;
    if (!andStorage) return;
    this.lastLists = [];
    this.#records = [];
    this.#stores++;
  }

  /** It knows this definition now. */
  learn(index: number, version: number): void {
    this.known[index] = version;
    this.hand({ type: "limit", limit: factsOf(this.#world.limits[index] as LimitTruth, version) });
  }

  /** Its view of cluster time is measured again. */
  tellClock(): void {
    const wallMs = EPOCH_MS + this.#world.now + this.skewMs;
    this.hand({ type: "clock", offsetMs: wallMs - this.mono });
  }

  /** Its view of the members, when it differs. */
  tellMembers(): void {
    const members: LeasedMember[] = [];
    for (const [node, { boot, voter, state }] of this.seen) {
      members.push({ node, boot, voter, state });
    }
    const state = this.isLeaving ? "leaving" : "alive";
    members.push({ node: this.name, boot: this.boot, voter: this.voter, state });
    this.hand({ type: "members", members });
  }

  /** Does something with its process now, or when it is no longer stalled. */
  run(act: () => void): void {
    const { boot } = this;
    if (!this.isUp) return;
    if (this.#world.now >= this.blockedUntil) return act();
    this.#world.in(this.blockedUntil - this.#world.now, () => {
      if (this.boot === boot) this.run(act);
    });
  }

  /** Hands something in and sees to what comes out. */
  hand(input: LeasedInput): void {
    if (this.leased === undefined) return;
    this.leased.handle(input, this.mono, this.#out);
    const effects = this.#out.splice(0);
    for (const effect of effects) {
      if (effect.type === "send") this.#world.transmit(this, effect.to, effect.message);
      else if (effect.type === "persist") this.#persist(effect.number, effect.record);
    }
    this.wake();
  }

  /** Sees that the next deadline is kept. */
  wake(): void {
    const deadline = this.leased?.nextDeadline();
    if (deadline === undefined || deadline >= this.#wakeAt) return;
    this.#wakeAt = deadline;
    const { boot } = this;
    this.#world.in((deadline - this.mono) / (1 + this.drift) + 0.01, () => {
      if (this.boot !== boot) return;
      this.run(() => {
        if (this.#wakeAt > this.mono) return this.wake();
        this.#wakeAt = Infinity;
        this.hand({ type: "tick" });
      });
    });
  }

  #persist(number: number, record: VoterRecord): void {
    const { boot } = this;
    const { rng, now, writesLate } = this.#world;
    if (writesLate) this.#world.in(0, () => this.hand({ type: "persisted", number }));
    // A disk writes in order.
    this.#writtenAt = Math.max(this.#writtenAt, now + rng.between(0, writesLate ? 2_000 : 15));
    this.#world.in(this.#writtenAt - now, () => {
      if (this.boot !== boot || !this.isUp) return;
      this.#records.push(record);
      this.run(() => this.hand({ type: "persisted", number }));
    });
  }
}

/** What a node is told of a limit. */
function factsOf(truth: LimitTruth, version: number): LeasedLimitFacts {
  const { cap, version: stamp } = truth.versions[version] as LimitTruth["versions"][number];
  return {
    key: truth.key,
    version: stamp,
    cap,
    span: truth.span,
    windowAt: (wallMs) => truth.windowAt(wallMs),
  };
}
