/**
 * Cells of counters as entities: written, found again, acknowledged by peers, forgotten.
 *
 * @module
 */

import { decodeCell } from "../../core/limits/cell_codec.ts";
import { CELL_TYPE, type LimitsEffect, type WriterId } from "../../core/limits/contract.ts";
import type { Millis } from "../../core/machine.ts";
import type { EntryCodec, EntryWrite, StoredEntry } from "../../core/replication/entry.ts";
import type { Say } from "../say.ts";
import { CellIndex } from "./cell_index.ts";
import type { Neighbours } from "./neighbours.ts";

/** Trouble is told this often. */
const ALARM_EVERY_MS = 60_000;

/** A cell's key and what it says. */
export interface HeldCell {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** What cells need. */
export interface CellsParts {
  readonly codec: EntryCodec;
  readonly write: (writes: readonly EntryWrite[]) => void;
  readonly find: (type: string, key: string) => StoredEntry | undefined;
  readonly list: (type: string) => Iterable<StoredEntry>;
  readonly now: () => Millis;
  readonly say: Say;
}

/** See the module. */
export class Cells {
  readonly #parts: CellsParts;
  readonly #neighbours: Neighbours;
  readonly #index: CellIndex = new CellIndex();
  #alarmedAt: Millis = -Infinity;
  /** Cells that could not be written. */
  lost = 0;

  /** Tells `neighbours` of every word of ours. */
  constructor(parts: CellsParts, neighbours: Neighbours) {
    this.#parts = parts;
    this.#neighbours = neighbours;
  }

  /** Takes in what is held already. */
  start(): void {
    for (const { key } of this.#parts.list(CELL_TYPE)) this.#index.add(key);
  }

  /** Writes words about our cells, all in one step. */
  write(effects: readonly Extract<LimitsEffect, { readonly type: "writeCell" }>[]): void {
    if (effects.length === 0) return;
    for (const { key, word } of effects) this.#neighbours.wrote(key, word);
    try {
      this.#parts.write(effects.map(({ key, bytes, expiresMs }) => ({
        type: CELL_TYPE,
        key,
        value: bytes,
        expiresMs,
      })));
    } catch (error) {
      this.lost += effects.length;
      this.#alarm(error);
    }
  }

  /** A cell is another one now; answers what it says if that is news. */
  changed(entry: StoredEntry, isLocal: boolean): HeldCell | undefined {
    const { key, deleted } = entry;
    if (deleted) {
      this.forget(key);
      return undefined;
    }
    this.#index.add(key);
    if (isLocal) return undefined;
    const bytes = this.#valueOf(entry);
    return bytes === undefined ? undefined : { key, bytes };
  }

  /** A cell is held no more. */
  forget(key: string): void {
    this.#index.delete(key);
    this.#neighbours.forgetCell(key);
  }

  /** The cells of a window. */
  *of(prefix: string): Generator<HeldCell> {
    for (const key of this.#index.of(prefix)) {
      const entry = this.#parts.find(CELL_TYPE, key);
      const bytes = entry === undefined ? undefined : this.#valueOf(entry);
      if (bytes !== undefined) yield { key, bytes };
    }
  }

  /** A peer's boot has these cells of ours. */
  acknowledged(peer: WriterId, entries: readonly StoredEntry[]): void {
    for (const entry of entries) {
      if (entry.type !== CELL_TYPE) continue;
      const isNewest = this.#parts.find(CELL_TYPE, entry.key) === entry;
      const word = isNewest
        ? this.#neighbours.wordOf(entry.key)
        : decodeCell(this.#valueOf(entry) ?? new Uint8Array(0))?.word;
      if (word !== undefined && word > 0) this.#neighbours.acked(peer, entry.key, word);
    }
  }

  #valueOf({ bytes }: StoredEntry): Uint8Array | undefined {
    return this.#parts.codec.valueOf(bytes);
  }

  #alarm(error: unknown): void {
    const now = this.#parts.now();
    if (now - this.#alarmedAt < ALARM_EVERY_MS) return;
    this.#alarmedAt = now;
    this.#parts.say("error", "cells of limits can't be written", {
      reason: error instanceof Error ? error.message : String(error),
      lost: this.lost,
    });
  }
}
