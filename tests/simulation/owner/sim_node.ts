/**
 * One node of the simulation: the machine, a store of cells, and the calls of its callers.
 *
 * @module
 */

import { decodeCell } from "../../../src/core/limits/cell_codec.ts";
import type { ConsumeItem } from "../../../src/core/limits/contract.ts";
import type { ResolvedLimit } from "../../../src/core/limits/definition.ts";
import type {
  OwnerConfig,
  OwnerDecision,
  OwnerEffect,
  OwnerInput,
  OwnerMember,
} from "../../../src/core/limits/owner/contract.ts";
import { Owner } from "../../../src/core/limits/owner/machine.ts";
import type { OwnerMessage } from "../../../src/core/limits/owner/messages.ts";
import type { OwnerRules } from "../../../src/core/limits/owner/rules.ts";

/** Cluster time at the start: a Sunday evening, so that the day, the hour and the minute end soon after. */
export const MIDNIGHT = Date.UTC(2026, 2, 1);

/** Enough for several owners at a time. */
export const SIM_SHARDS = 3;

/** A cell as nodes pass it on. */
export interface StoredCell {
  readonly key: string;
  readonly word: number;
  readonly bytes: Uint8Array;
}

/** What nodes send one another. */
export type Wire = OwnerMessage | { readonly type: "cells"; readonly cells: readonly StoredCell[] };

/** What a node needs of its world. */
export interface World {
  readonly now: number;
  readonly rules: OwnerRules;
  readonly config: Partial<OwnerConfig>;
  transmit(from: string, to: string, message: Wire): void;
  everybody(): Iterable<string>;
  decided(node: SimNode, call: Call, decision: OwnerDecision): void;
  wallMs(node: SimNode): number;
  at(ms: number, run: () => void): void;
}

/** A call under way. */
export interface Call {
  readonly id: number;
  readonly items: readonly ConsumeItem[];
  readonly reserveMs: number;
  readonly begunAt: number;
}

const calendar = {
  window(length: string, zone: string, wallMs: number) {
    if (length !== "1d" || zone !== "UTC") return undefined;
    const day = Math.floor(wallMs / 86_400_000);
    const startMs = day * 86_400_000;
    return { label: `day${day}`, startMs, endMs: startMs + 86_400_000 };
  },
};

/** See the module. */
export class SimNode {
  readonly name: string;
  readonly boot: string;
  readonly owner: Owner;
  readonly store: Map<string, StoredCell> = new Map();
  readonly calls: Map<number, Call> = new Map();
  readonly offsetMs: number;
  isLeaving = false;
  viewed = 0;
  readonly #world: World;
  readonly #out: OwnerEffect[] = [];
  #lastCall = 0;
  #wakeAt = Infinity;
  #isDown = false;

  /** A node in one of its lives. */
  constructor(world: World, name: string, boot: string, offsetMs: number) {
    this.#world = world;
    this.name = name;
    this.boot = boot;
    this.offsetMs = offsetMs;
    const { config, rules } = world;
    this.owner = new Owner({ self: { node: name, boot }, calendar, config }, rules, SIM_SHARDS);
  }

  /** Whether its process has ended. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Its process ends at once. */
  kill(): void {
    this.#isDown = true;
  }

  /** It is told of a limit. */
  define(limit: ResolvedLimit): void {
    this.hand({ type: "limit", limit });
  }

  /** It sees the members so; older views than the last are not taken. */
  view(version: number, members: readonly OwnerMember[]): void {
    if (this.#isDown || version <= this.viewed) return;
    this.viewed = version;
    this.hand({ type: "members", members });
  }

  /** A caller asks. */
  call(items: readonly ConsumeItem[], reserveMs: number, giveUpMs: number): Call {
    const call: Call = { id: ++this.#lastCall, items, reserveMs, begunAt: this.#world.now };
    this.calls.set(call.id, call);
    const wallMs = this.#world.wallMs(this);
    this.owner.consume(call.id, items, this.#world.now, wallMs, reserveMs, giveUpMs);
    this.wake();
    return call;
  }

  /** Something arrives. */
  receive(from: string, message: Wire): void {
    if (this.#isDown) return;
    if (message.type !== "cells") return this.hand({ type: "message", from, message });
    for (const cell of message.cells) {
      if ((this.store.get(cell.key)?.word ?? 0) >= cell.word) continue;
      this.store.set(cell.key, cell);
      this.hand({ type: "cell", key: cell.key, bytes: cell.bytes });
    }
  }

  /** Hands something in and sees to what comes out. */
  hand(input: OwnerInput): void {
    if (this.#isDown) return;
    const world = this.#world;
    const out = this.#out;
    this.owner.handle({ type: "wall", wallMs: world.wallMs(this) }, world.now, out);
    this.owner.handle(input, world.now, out);
    for (let effect = out.shift(); effect !== undefined; effect = out.shift()) {
      this.#do(effect);
      if (this.#isDown) return;
    }
    this.wake();
  }

  /** Sees that the next deadline is kept. */
  wake(): void {
    const deadline = this.owner.nextDeadline();
    if (deadline === undefined || deadline >= this.#wakeAt) return;
    this.#wakeAt = deadline;
    this.#world.at(Math.max(deadline, this.#world.now), () => {
      if (this.#isDown || this.#wakeAt !== deadline) return;
      this.#wakeAt = Infinity;
      this.hand({ type: "tick" });
    });
  }

  /** Tells another node all cells it has. */
  dump(to: string): void {
    this.#world.transmit(this.name, to, { type: "cells", cells: [...this.store.values()] });
  }

  #do(effect: OwnerEffect): void {
    const world = this.#world;
    switch (effect.type) {
      case "send":
        return world.transmit(this.name, effect.to, effect.message);
      case "writeCell": {
        const { key, word, bytes } = effect;
        this.store.set(key, { key, word, bytes });
        for (const other of world.everybody()) {
          if (other !== this.name) {
            world.transmit(this.name, other, { type: "cells", cells: [{ key, word, bytes }] });
          }
        }
        return;
      }
      case "replayCells": {
        const { prefix } = effect;
        for (const [key, { bytes }] of this.store) {
          if (!key.startsWith(prefix)) continue;
          this.owner.handle({ type: "cell", key, bytes }, world.now, this.#out);
        }
        this.owner.handle({ type: "replayed", prefix }, world.now, this.#out);
        return;
      }
      case "decided": {
        const call = this.calls.get(effect.call);
        if (call === undefined) throw new Error(`call ${effect.call} was decided twice`);
        this.calls.delete(effect.call);
        return world.decided(this, call, effect.decision);
      }
      case "event":
        return;
    }
  }
}

/** What a cell says was used, by sub-window. */
export function partsOf(bytes: Uint8Array): [index: number, used: number][] {
  return (decodeCell(bytes)?.parts ?? []).map(({ index, added, removed }) => [
    index,
    added - removed,
  ]);
}
