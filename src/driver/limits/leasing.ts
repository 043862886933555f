/**
 * This node's part in leased limits: the machine, its memory in storage, and what is said to peers, one message to each
 * peer for a step.
 *
 * @module
 */

import type { LeasedLimitFacts, LeasedMember } from "../../core/limits/leased/contract.ts";
import type { LeasedLimit } from "../../core/limits/leased/leased_limit.ts";
import { Leased, type LeasedEffect, type LeasedInput } from "../../core/limits/leased/machine.ts";
import type { LeasedMessage } from "../../core/limits/leased/messages.ts";
import type { WriterId } from "../../core/limits/contract.ts";
import type { Millis } from "../../core/machine.ts";
import type { Rng } from "../../core/rng.ts";
import type { VoterRows } from "./voter_rows.ts";

/** Whatever is due later than a holder's questions is done this often at most: 64 shards want little and often. */
const GRID_MS = 25;

/** Cluster time that moved by less is not told. */
const CLOCK_STEP_MS = 0.5;

/** What leasing needs. */
export interface LeasingParts {
  readonly self: WriterId;
  readonly expectedNodes: number | undefined;
  readonly rng: Rng;
  /** Absent: this boot votes for itself and forgets with it. */
  readonly voter: VoterRows | undefined;
  readonly now: () => Millis;
  readonly say: (peer: string, messages: readonly LeasedMessage[]) => void;
  /** A right grew: who waits may try again. */
  readonly onGranted: () => void;
}

/** See the module. Until a leased limit is defined, or somebody asks, it does nothing. */
export class Leasing {
  readonly #parts: LeasingParts;
  readonly #leased: Leased;
  readonly #effects: LeasedEffect[] = [];
  #members: readonly LeasedMember[] = [];
  #offsetMs: Millis = NaN;
  #isActive = false;
  #isPerforming = false;
  /** The newest record that waits for the storage. */
  #toPersist = 0;
  #isPersisting = false;

  /** Remembers what the storage holds. */
  constructor(parts: LeasingParts) {
    this.#parts = parts;
    const { self, expectedNodes, rng, voter } = parts;
    this.#leased = new Leased({
      self: { ...self, voter: voter?.id ?? self.boot },
      rng,
      config: { expectedNodes },
      hasStorage: voter !== undefined,
      records: voter?.records ?? [],
    });
  }

  /** How this node votes. */
  get voter(): string {
    return this.#parts.voter?.id ?? this.#parts.self.boot;
  }

  /** Whether it takes part. */
  get isActive(): boolean {
    return this.#isActive;
  }

  /** When the next question of ours is due; looked at after every decision. */
  get askAt(): Millis {
    return this.#leased.holder.nextDeadline() ?? Infinity;
  }

  /** When {@linkcode Leasing.tick} is wanted. */
  get deadline(): Millis {
    if (!this.#isActive) return Infinity;
    const root = this.#leased.root.nextDeadline() ?? Infinity;
    return Math.min(this.askAt, Math.ceil(root / GRID_MS) * GRID_MS);
  }

  /** After `leave`: nothing is held and no list needs us. */
  get isDrained(): boolean {
    return !this.#isActive || this.#leased.isDrained;
  }

  /** Does what time asks for. */
  tick(): void {
    if (this.#isActive) this.#hand({ type: "tick" });
  }

  /** Cluster time is the monotonic clock plus this. */
  clock(offsetMs: Millis): void {
    if (Math.abs(offsetMs - this.#offsetMs) < CLOCK_STEP_MS) return;
    this.#offsetMs = offsetMs;
    this.#hand({ type: "clock", offsetMs });
  }

  /** Everybody whose way of voting is known, ourselves included. */
  members(members: readonly LeasedMember[]): void {
    this.#members = members;
    if (this.#isActive) this.#hand({ type: "members", members });
  }

  /** A limit is this now; answers what to decide by. */
  limit(facts: LeasedLimitFacts): LeasedLimit {
    this.#activate();
    this.#hand({ type: "limit", limit: facts });
    return this.#leased.limit(facts.key) as LeasedLimit;
  }

  /** A limit is gone. */
  noLimit(key: string): void {
    this.#hand({ type: "noLimit", key });
  }

  /** A limit is gone for so long that nobody grants of it any more. */
  forget(limit: string): void {
    this.#parts.voter?.forget(limit);
    this.#hand({ type: "forget", limit });
  }

  /** A peer's messages. */
  receive(from: string, messages: readonly LeasedMessage[]): void {
    this.#activate();
    for (const message of messages) {
      this.#leased.handle({ type: "message", from, message }, this.#parts.now(), this.#effects);
    }
    this.#perform();
  }

  /** Gives everything back. */
  leave(): void {
    this.#hand({ type: "leave" });
  }

  #activate(): void {
    if (this.#isActive) return;
    this.#isActive = true;
    this.#hand({ type: "members", members: this.#members });
  }

  #hand(input: LeasedInput): void {
    this.#leased.handle(input, this.#parts.now(), this.#effects);
    this.#perform();
  }

  #perform(): void {
    if (this.#isPerforming) return;
    this.#isPerforming = true;
    const outgoing = new Map<string, LeasedMessage[]>();
    let isGranted = false;
    for (let i = 0; i < this.#effects.length; i++) {
      const effect = this.#effects[i] as LeasedEffect;
      if (effect.type === "granted") isGranted = true;
      else if (effect.type === "persist") {
        this.#parts.voter?.keep(effect.record);
        this.#toPersist = effect.number;
      } else {
        const messages = outgoing.get(effect.to);
        if (messages === undefined) outgoing.set(effect.to, [effect.message]);
        else messages.push(effect.message);
      }
    }
    this.#effects.length = 0;
    for (const [peer, messages] of outgoing) this.#parts.say(peer, messages);
    this.#isPerforming = false;
    if (this.#toPersist > 0) void this.#persist();
    if (isGranted) this.#parts.onGranted();
  }

  /** Waits for the storage, for all records at once that came meanwhile. */
  async #persist(): Promise<void> {
    const { voter } = this.#parts;
    if (this.#isPersisting || voter === undefined) return;
    this.#isPersisting = true;
    try {
      while (this.#toPersist > 0) {
        const number = this.#toPersist;
        this.#toPersist = 0;
        await voter.flushed();
        this.#hand({ type: "persisted", number });
      }
    } catch {
      // The storage is closed: what it did not take is never answered for.
    } finally {
      this.#isPersisting = false;
    }
  }
}
