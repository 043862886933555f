/**
 * One node of the simulation: the machine, a store of cells, a crude failure detector, and messages that may be lost.
 *
 * @module
 */

import { Acknowledgers } from "../../../src/core/limits/acknowledgers.ts";
import { decodeCell } from "../../../src/core/limits/cell_codec.ts";
import type { Calendar } from "../../../src/core/limits/calendar.ts";
import type { LimitsEffect, LimitsInput, WriterId } from "../../../src/core/limits/contract.ts";
import { Limits } from "../../../src/core/limits/machine.ts";
import type { Millis } from "../../../src/core/machine.ts";

/** How long a peer that was not heard counts as alive. */
export const DETECT_MS = 1_500;

/** Until when a peer is counted that has not asked. */
const DROP_MS = 2_000;

/** A cell as nodes pass it on. */
export interface SentCell {
  readonly key: string;
  readonly word: number;
  readonly bytes: Uint8Array;
}

/** What nodes send one another. */
export type Message =
  | { readonly type: "cells"; readonly cells: readonly SentCell[]; readonly isAll: boolean }
  | { readonly type: "acks"; readonly acks: readonly (readonly [key: string, word: number])[] }
  | {
    readonly type: "ping";
    readonly at: Millis;
    readonly isReady: boolean;
    readonly members: readonly WriterId[];
    readonly definitions: ReadonlyMap<string, Definition>;
  }
  | { readonly type: "pong"; readonly at: Millis; readonly isCounted: boolean };

/** A limit's definition and its version. */
export interface Definition {
  readonly version: number;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What a node needs of its world. */
export interface World {
  send(from: SimNode, to: string, message: Message): void;
  calendar(index: number): Calendar;
  readonly isMajorityOfTheAlive: boolean;
}

/** See the module. */
export class SimNode {
  readonly index: number;
  readonly id: WriterId;
  readonly limits: Limits;
  readonly store: Map<string, SentCell> = new Map();
  readonly definitions: Map<string, Definition> = new Map();
  /** Newest boot of every node ever heard of, by node id. */
  readonly members: Map<string, string> = new Map();
  readonly #acknowledgers: Acknowledgers;
  readonly #world: World;
  readonly #heardMs: Map<string, Millis> = new Map();
  readonly #readyPeers: Set<string> = new Set();
  readonly #acked: Map<string, Map<string, number>> = new Map();
  readonly #effects: LimitsEffect[] = [];
  #told = "";
  isReady = false;
  /** Added to true time. */
  wallOffsetMs: number;

  /** A node in its first or a later life. */
  constructor(index: number, boot: number, world: World, wallOffsetMs: number) {
    this.index = index;
    this.id = { node: `n${index}`, boot: `b${boot}` };
    this.#world = world;
    this.wallOffsetMs = wallOffsetMs;
    this.members.set(this.id.node, this.id.boot);
    this.limits = new Limits({
      ...this.id,
      calendar: world.calendar(index),
      dropMs: DROP_MS,
    });
    this.#acknowledgers = new Acknowledgers(DROP_MS, (key, word) => {
      this.#settled.push([key, word]);
    });
  }

  readonly #settled: [string, number][] = [];

  /** Everything that is due, and everything that follows from it. */
  step(now: Millis, wallMs: number): void {
    this.#acknowledgers.expire(now);
    this.#tellMembers(now);
    const deadline = this.limits.nextDeadline();
    if (deadline !== undefined && deadline <= now) {
      this.give({ type: "wall", wallMs: wallMs + this.wallOffsetMs }, now);
    }
  }

  /** Hands an input to the machine and does what it asks for. */
  give(input: LimitsInput, now: Millis): void {
    const out = this.#effects;
    this.limits.handle(input, now, out);
    while (out.length > 0) {
      const effect = out.shift() as LimitsEffect;
      if (effect.type === "writeCell") {
        this.store.set(effect.key, { key: effect.key, word: effect.word, bytes: effect.bytes });
        this.#acknowledgers.wrote(effect.key, effect.word);
        for (const peer of this.peers()) this.#sendCells(peer, [effect.key], false);
      } else if (effect.type === "replayCells") {
        for (const [key, { bytes }] of this.store) {
          if (key.startsWith(effect.prefix)) {
            this.limits.handle({ type: "cell", key, bytes }, now, out);
          }
        }
      }
    }
    this.#handOnSettled(now);
  }

  /** Takes a definition if it is newer. */
  define(id: string, definition: Definition, now: Millis): void {
    if ((this.definitions.get(id)?.version ?? 0) >= definition.version) return;
    this.definitions.set(id, definition);
    this.give({ type: "definition", id, value: definition.value }, now);
  }

  /** Asks every peer whether it counts us, and says who and what we know. */
  ping(now: Millis): void {
    const members = this.memberList();
    for (const peer of this.peers()) {
      this.#world.send(this, peer, {
        type: "ping",
        at: now,
        isReady: this.isReady,
        members,
        definitions: this.definitions,
      });
    }
  }

  /** Sends again what peers have not acknowledged. */
  resend(): void {
    for (const peer of this.peers()) {
      const acked = this.#acked.get(this.#key(peer));
      const keys = [...this.store.values()]
        .filter(({ key, word }) => this.#isOwn(key) && word > (acked?.get(key) ?? 0))
        .map(({ key }) => key);
      if (keys.length > 0) this.#sendCells(peer, keys, false);
    }
  }

  /** Sends all that is stored to a peer. */
  dump(peer: string): void {
    this.#sendCells(peer, [...this.store.keys()], true);
  }

  /** A message of the boot `from` came. */
  receive(from: WriterId, message: Message, now: Millis): void {
    const known = this.members.get(from.node);
    if (known !== undefined && known > from.boot) return;
    this.#meet(from);
    this.#heardMs.set(this.#key(from.node), now);
    const peer = this.#key(from.node);
    switch (message.type) {
      case "cells":
        this.#takeCells(from, message.cells, now);
        if (message.isAll && !this.isReady) {
          this.isReady = true;
          this.give({ type: "ready" }, now);
        }
        break;
      case "acks":
        for (const [key, word] of message.acks) {
          let acked = this.#acked.get(peer);
          if (acked === undefined) this.#acked.set(peer, acked = new Map());
          acked.set(key, Math.max(acked.get(key) ?? 0, word));
          this.#acknowledgers.acked(peer, key, word);
        }
        break;
      case "ping": {
        for (const member of message.members) this.#meet(member);
        for (const [id, definition] of message.definitions) this.define(id, definition, now);
        if (message.isReady) this.#readyPeers.add(peer);
        else if (this.isReady) this.dump(from.node);
        const isCounted = message.isReady && this.#acknowledgers.asked(peer, now);
        this.#world.send(this, from.node, { type: "pong", at: message.at, isCounted });
        break;
      }
      case "pong":
        if (message.isCounted) this.give({ type: "inTouch", peer: from, sinceMs: message.at }, now);
        break;
    }
    this.#handOnSettled(now);
    this.#tellMembers(now);
  }

  /** Everybody else that it knows. */
  peers(): string[] {
    return [...this.members.keys()].filter((node) => node !== this.id.node);
  }

  /** Newest boots of all members. */
  memberList(): WriterId[] {
    return Array.from(this.members, ([node, boot]) => ({ node, boot }));
  }

  /** Members heard lately and through with their first sync, itself included. */
  alive(now: Millis, withinMs: Millis = DETECT_MS): WriterId[] {
    return this.memberList().filter(({ node }) => {
      if (node === this.id.node) return true;
      const key = this.#key(node);
      return this.#readyPeers.has(key) && now - (this.#heardMs.get(key) ?? -Infinity) <= withinMs;
    });
  }

  #tellMembers(now: Millis): void {
    const alive = this.alive(now);
    const members = this.#world.isMajorityOfTheAlive ? alive : this.memberList();
    const told = JSON.stringify([alive, members]);
    if (told === this.#told) return;
    this.#told = told;
    this.give({ type: "members", members, alive }, now);
  }

  #meet(member: WriterId): void {
    const known = this.members.get(member.node);
    if (known !== undefined && known >= member.boot) return;
    if (known !== undefined) this.#acknowledgers.forgetPeer(`${member.node}|${known}`);
    this.members.set(member.node, member.boot);
  }

  #takeCells(from: WriterId, cells: readonly SentCell[], now: Millis): void {
    const acks: [string, number][] = [];
    for (const cell of cells) {
      const stored = this.store.get(cell.key);
      if (!this.#isOwn(cell.key) && cell.word > (stored?.word ?? 0)) {
        this.store.set(cell.key, cell);
        this.give({ type: "cell", key: cell.key, bytes: cell.bytes }, now);
      }
      acks.push([cell.key, Math.max(cell.word, stored?.word ?? 0)]);
    }
    const owned = acks.filter(([key]) => key.endsWith(`|${from.node}|${from.boot}`));
    if (owned.length > 0) this.#world.send(this, from.node, { type: "acks", acks: owned });
  }

  #sendCells(peer: string, keys: readonly string[], isAll: boolean): void {
    const cells = keys.map((key) => this.store.get(key) as SentCell);
    this.#world.send(this, peer, { type: "cells", cells, isAll });
  }

  #handOnSettled(now: Millis): void {
    while (this.#settled.length > 0) {
      const [key, word] = this.#settled.shift() as [string, number];
      this.give({ type: "settled", key, word }, now);
    }
  }

  #isOwn(key: string): boolean {
    return key.endsWith(`|${this.id.node}|${this.id.boot}`);
  }

  #key(node: string): string {
    return `${node}|${this.members.get(node)}`;
  }
}

/** What a cell says is used. */
export function usedIn(bytes: Uint8Array): number {
  return (decodeCell(bytes)?.parts ?? []).reduce((sum, part) => sum + part.added - part.removed, 0);
}
