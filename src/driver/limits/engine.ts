/**
 * The limits of a running node: feeds the machines with definitions, cells, members and time, and does what they ask.
 *
 * @module
 */

import { windowKeyPrefix, writerKey } from "../../core/limits/cell_key.ts";
import {
  CELL_TYPE,
  type ConsumeItem,
  type Decision,
  type LimitsEffect,
  type LimitsEvent,
  type LimitsInput,
  type LimitView,
  type SettleResult,
} from "../../core/limits/contract.ts";
import type { Counter } from "../../core/limits/counter.ts";
import type { ResolvedLimit, StrengthName } from "../../core/limits/definition.ts";
import type { Version } from "../../core/hlc.ts";
import { Limits } from "../../core/limits/machine.ts";
import type { Strength } from "../../core/limits/strength.ts";
import { Windows } from "../../core/limits/windows.ts";
import type { Millis, WallMillis } from "../../core/machine.ts";
import type { ReplicationEvent } from "../../core/replication/contract.ts";
import {
  type EntryCodec,
  type EntryWrite,
  KEY_BYTES_MAX,
  type StoredEntry,
} from "../../core/replication/entry.ts";
import type { Rng } from "../../core/rng.ts";
import { utf8Length } from "../../core/wire/utf8.ts";
import type { Calendar } from "../../ports/calendar.ts";
import type { Clock } from "../../ports/clock.ts";
import type { KnownMember } from "../member_view.ts";
import type { Say } from "../say.ts";
import { Cells } from "./cells.ts";
import { LeasedDefinitions } from "./leased_definitions.ts";
import { Leasing } from "./leasing.ts";
import { DROP_MS, LIMITS_CHANNEL, Neighbours } from "./neighbours.ts";
import type { VoterRows } from "./voter_rows.ts";

/** Cluster time is looked at this often though nothing happens. */
const WALL_EVERY_MS = 1_000;

/** The longest that an id of a window is, with room. */
const WINDOW_ID_BYTES_MAX = 128;

type WriteCell = Extract<LimitsEffect, { readonly type: "writeCell" }>;

/** Where the facts come from and where the effects go. */
export interface LimitsEngineParts {
  readonly nodeId: string;
  readonly bootId: string;
  /** How many nodes the cluster is meant to have; `undefined`: not known, so no leased limits. */
  readonly expectedNodes: number | undefined;
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly rng: Rng;
  readonly codec: EntryCodec;
  /** The voter's memory; absent without storage. */
  readonly voter: VoterRows | undefined;
  /** Cluster time at an instant of the monotonic clock. */
  readonly time: (now: Millis) => WallMillis;
  readonly write: (writes: readonly EntryWrite[]) => void;
  readonly find: (type: string, key: string) => StoredEntry | undefined;
  readonly list: (type: string) => Iterable<StoredEntry>;
  /** Number of this boot's last write. */
  readonly written: () => number;
  /** Throws when the message can't be sent. */
  readonly message: (peer: string, channel: string, payload: Uint8Array) => void;
  readonly onEvent: (event: LimitsEvent) => void;
  readonly say: Say;
}

/** See the module. */
export class LimitsEngine {
  readonly windows: Windows;
  readonly strengths: ReadonlySet<StrengthName>;
  readonly #parts: LimitsEngineParts;
  readonly #limits: Limits;
  readonly #leasing: Leasing;
  readonly #neighbours: Neighbours;
  readonly #cells: Cells;
  readonly #leased: LeasedDefinitions;
  readonly #effects: LimitsEffect[] = [];
  readonly #settled: [string, number][] = [];
  readonly #waiting: Set<() => void> = new Set();
  #isPerforming = false;
  #isHandingOn = false;
  #isReady = false;
  #isLeaving = false;
  #isStopped = false;
  #wallAt: Millis = -Infinity;
  #armedAt: Millis = Infinity;
  #disarm: () => void = () => {};
  #toldMembers = "";

  /** Does nothing before `start`. */
  constructor(parts: LimitsEngineParts) {
    this.#parts = parts;
    const { nodeId, bootId, expectedNodes, calendar, clock, rng, voter } = parts;
    const self = { node: nodeId, boot: bootId };
    this.windows = new Windows(calendar);
    const makers = new Map<StrengthName, (limit: ResolvedLimit, counter: Counter) => Strength>();
    if (expectedNodes !== undefined) {
      makers.set("leased", (limit, counter) => this.#leased.strength(limit, counter));
    }
    this.strengths = new Set(["approximate", ...makers.keys()]);
    this.#limits = new Limits({
      ...self,
      calendar,
      dropMs: DROP_MS,
      strengths: makers,
      expectedNodes: expectedNodes ?? 0,
    });
    this.#leasing = new Leasing({
      self,
      expectedNodes,
      rng,
      voter,
      now: () => clock.now(),
      say: (peer, messages) => this.#neighbours.sayLeased(peer, messages),
      onGranted: () => this.#wake(),
    });
    this.#neighbours = new Neighbours({
      self,
      expectedNodes: expectedNodes ?? 0,
      send: (peer, payload) => this.#send(peer, payload),
      written: parts.written,
      about: () => ({
        ready: this.#isReady,
        leaving: this.#isLeaving,
        voter: this.#leasing.voter,
      }),
      onSettled: (key, word) => this.#settled.push([key, word]),
      onInTouch: (peer, sinceMs) => this.#give({ type: "inTouch", peer, sinceMs }),
      onLeased: (from, messages) => this.#leasing.receive(from, messages),
      onNews: () => this.#tellMembers(),
    });
    this.#cells = new Cells({ ...parts, now: () => clock.now() }, this.#neighbours);
    this.#leased = new LeasedDefinitions(this.#leasing, this.windows);
  }

  // What the node tells.

  /** Takes in the cells that a storage held, and begins. */
  start(): void {
    this.#cells.start();
    this.#leasing.clock(this.#offsetMs(this.#parts.clock.now()));
    this.#tellMembers();
    this.#rearm();
  }

  /** The members changed, as far as gossip knows. */
  members(known: readonly KnownMember[]): void {
    if (this.#isStopped) return;
    this.#neighbours.look(known, this.#parts.clock.now());
    this.#tellMembers();
    this.#rearm();
  }

  /** The first sync is done. */
  ready(): void {
    this.#isReady = true;
    this.#give({ type: "ready" });
    this.#tellMembers();
    this.#neighbours.touch(this.#parts.clock.now());
    this.#rearm();
  }

  /** Something happened in replication. */
  note(event: ReplicationEvent): void {
    if (this.#isStopped) return;
    switch (event.type) {
      case "changed":
        if (event.entry.type === CELL_TYPE) this.#cell(event.entry, event.local);
        return;
      case "purged":
        if (event.entry.type === CELL_TYPE) this.#cells.forget(event.entry.key);
        this.#handOnSettled();
        return;
      case "acknowledged":
        this.#cells.acknowledged({ node: event.peer, boot: event.boot }, event.entries);
        this.#handOnSettled();
        this.#rearm();
        return;
      case "caughtUp":
        this.#neighbours.caughtUp({ node: event.peer, boot: event.boot }, event.number);
        this.#handOnSettled();
        return;
      case "message":
        if (event.channel !== LIMITS_CHANNEL) return;
        this.#neighbours.receive(event.peer, event.payload, this.#parts.clock.now());
        this.#handOnSettled();
        this.#rearm();
    }
  }

  /** A limit is defined like this now; `undefined`: it is gone. */
  define(id: string, value: unknown, version: Version): void {
    this.#leased.expect(id, version);
    const problem = this.#objection(id, value);
    if (problem !== undefined) {
      this.#parts.onEvent({ type: "refusedDefinition", limit: id, problem });
    }
    this.#give({
      type: "definition",
      id,
      value: problem === undefined ? value : undefined,
    });
    this.#leased.define(id, this.#limits.definition(id));
    this.#rearm();
  }

  /** Nobody remembers the delete of a limit any more. */
  forget(id: string): void {
    this.#leased.forget(id);
  }

  /** Gives everything back; resolves when that is done or `timeoutMs` have passed, with whether it is. */
  async leave(timeoutMs: Millis): Promise<boolean> {
    const { clock } = this.#parts;
    const deadline = clock.now() + timeoutMs;
    this.#isLeaving = true;
    this.#give({ type: "leave" });
    this.#leasing.leave();
    this.#neighbours.touch(clock.now());
    this.#tellMembers();
    this.#rearm();
    this.#wake();
    while (!this.#isDrained() && clock.now() < deadline && !this.#isStopped) {
      await this.change(Math.min(deadline, clock.now() + 20));
    }
    return this.#isDrained();
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#isStopped = true;
    this.#disarm();
    this.#wake();
  }

  // What is asked of it. Amounts are micro-units.

  /** Takes of all items or of none; read the answer before the next call. */
  consume(items: readonly ConsumeItem[], reserveMs: Millis): Decision {
    const now = this.#parts.clock.now();
    const decision = this.#limits.consume(items, now, this.#parts.time(now), reserveMs);
    if (!this.#isStopped) this.#armFor(now);
    return decision;
  }

  /** See {@linkcode Limits.settle}. */
  settle(reservation: number, amounts: readonly number[]): SettleResult {
    const now = this.#parts.clock.now();
    const result = this.#limits.settle(reservation, amounts, now, this.#parts.time(now));
    this.#rearm();
    return result;
  }

  /** See {@linkcode Limits.refund}. */
  refund(reservation: number): SettleResult {
    const now = this.#parts.clock.now();
    const result = this.#limits.refund(reservation, now, this.#parts.time(now));
    this.#rearm();
    return result;
  }

  /** What an open reservation took. */
  reserved(reservation: number): readonly ConsumeItem[] | undefined {
    return this.#limits.reserved(reservation);
  }

  /** One limit as seen from here. */
  read(id: string): LimitView | undefined {
    const now = this.#parts.clock.now();
    return this.#limits.read(id, now, this.#parts.time(now));
  }

  /** The definition in force. */
  definition(id: string): ResolvedLimit | undefined {
    return this.#limits.definition(id);
  }

  /** Resolves when a refusal may be over: something was granted or heard, the engine stopped, or at `at`. */
  change(at: Millis): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        disarm();
        resolve();
      };
      const disarm = this.#parts.clock.alarm(at, wake);
      this.#waiting.add(wake);
    });
  }

  /** Counted since start. */
  get counters(): Limits["counters"] {
    return this.#limits.counters;
  }

  /** Limits that can be used. */
  get size(): number {
    return this.#limits.size;
  }

  /** What got lost on the way, and whether leased limits are kept. */
  view(): { readonly messagesLost: number; readonly cellsLost: number; readonly leasing: boolean } {
    return {
      messagesLost: this.#neighbours.lost,
      cellsLost: this.#cells.lost,
      leasing: this.#leasing.isActive,
    };
  }

  #cell(entry: StoredEntry, isLocal: boolean): void {
    const cell = this.#cells.changed(entry, isLocal);
    if (cell !== undefined) this.#give({ type: "cell", ...cell });
  }

  // Steps.

  #give(input: LimitsInput): void {
    if (this.#isStopped) return;
    this.#limits.handle(input, this.#parts.clock.now(), this.#effects);
    this.#perform();
  }

  #perform(): void {
    if (this.#isPerforming) return;
    this.#isPerforming = true;
    const words: WriteCell[] = [];
    for (let i = 0; i < this.#effects.length; i++) {
      const effect = this.#effects[i] as LimitsEffect;
      if (effect.type === "event") this.#parts.onEvent(effect.event);
      else if (effect.type === "replayCells") this.#replay(effect.prefix);
      else words.push(effect);
    }
    this.#effects.length = 0;
    this.#cells.write(words);
    this.#isPerforming = false;
    this.#handOnSettled();
  }

  #replay(prefix: string): void {
    const now = this.#parts.clock.now();
    for (const cell of this.#cells.of(prefix)) {
      this.#limits.handle({ type: "cell", ...cell }, now, this.#effects);
    }
  }

  #handOnSettled(): void {
    if (this.#isPerforming || this.#isHandingOn || this.#settled.length === 0) return;
    this.#isHandingOn = true;
    for (let i = 0; i < this.#settled.length; i++) {
      const [key, word] = this.#settled[i] as [string, number];
      this.#give({ type: "settled", key, word });
    }
    this.#settled.length = 0;
    this.#isHandingOn = false;
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  // Members.

  #tellMembers(): void {
    const { company } = this.#neighbours;
    const counting = company.counting(this.#isReady);
    const voting = company.voting(this.#leasing.voter, this.#isLeaving);
    const told = JSON.stringify([counting, voting]);
    if (told === this.#toldMembers) return;
    this.#toldMembers = told;
    this.#give({ type: "members", ...counting });
    this.#leasing.members(voting);
  }

  #isDrained(): boolean {
    if (this.#leasing.isDrained) return true;
    const voting = this.#neighbours.company.voting(this.#leasing.voter, this.#isLeaving);
    // Nobody stays to take over.
    return !voting.some(({ state }) => state === "alive");
  }

  /** Why the cells of a limit would have no place among the entities. */
  #objection(id: string, value: unknown): string | undefined {
    const { created } = (value ?? {}) as { readonly created?: unknown };
    if (typeof created !== "string") return undefined;
    const { nodeId, bootId } = this.#parts;
    const key = windowKeyPrefix(id, created, "") + writerKey(nodeId, bootId);
    const length = utf8Length(key);
    if (length >= 0 && length <= KEY_BYTES_MAX - WINDOW_ID_BYTES_MAX) return undefined;
    return `Cannot use limit "${
      id.slice(0, 60)
    }": its id is too long or no text, give it a short one`;
  }

  // Time.

  #offsetMs(now: Millis): Millis {
    return this.#parts.time(now) - now;
  }

  #tick(): void {
    if (this.#isStopped) return;
    const now = this.#parts.clock.now();
    this.#leasing.clock(this.#offsetMs(now));
    if (now >= this.#wallAt) {
      this.#wallAt = now + WALL_EVERY_MS;
      this.#give({ type: "wall", wallMs: this.#parts.time(now) });
    } else if ((this.#limits.nextDeadline() ?? Infinity) <= now) {
      this.#give({ type: "wall", wallMs: this.#parts.time(now) });
    }
    if (this.#leasing.deadline <= now) this.#leasing.tick();
    if (this.#neighbours.deadline <= now) {
      this.#neighbours.tick(now);
      this.#handOnSettled();
    }
    this.#rearm();
  }

  /** After a decision: only what a decision can bring forward. */
  #armFor(now: Millis): void {
    const at = Math.min(this.#limits.nextDeadline() ?? Infinity, this.#leasing.askAt);
    if (at < this.#armedAt) this.#arm(Math.max(at, now));
  }

  #rearm(): void {
    if (this.#isStopped) return;
    const at = Math.min(
      this.#limits.nextDeadline() ?? Infinity,
      this.#leasing.deadline,
      this.#neighbours.deadline,
      this.#wallAt,
    );
    if (at !== this.#armedAt) this.#arm(at);
  }

  #arm(at: Millis): void {
    this.#disarm();
    this.#armedAt = at;
    this.#disarm = this.#parts.clock.alarm(at, () => {
      this.#armedAt = Infinity;
      this.#tick();
    });
  }

  // Small things.

  #send(peer: string, payload: Uint8Array): boolean {
    try {
      this.#parts.message(peer, LIMITS_CHANNEL, payload);
      return true;
    } catch {
      // It is no peer any more, or too old; whatever matters is said again.
      return false;
    }
  }
}
