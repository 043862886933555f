/**
 * The node's state in its storage: put back at start, kept up to date, told when it is safe.
 *
 * @module
 */

import type { ReplicationEvent } from "../core/replication/contract.ts";
import type { EntryCodec, StoredEntry } from "../core/replication/entry.ts";
import type { Clock } from "../ports/clock.ts";
import type { StorageProvider, StoredRow } from "../ports/storage.ts";
import { Persistence, type PersistenceView } from "./persistence.ts";
import type { Say } from "./say.ts";

/** What the stored state needs. */
export interface StoredStateParts {
  readonly provider: StorageProvider;
  readonly codec: EntryCodec;
  readonly clock: Clock;
  readonly say: Say;
}

/** An open storage with its persistence. */
export class StoredState {
  readonly #parts: StoredStateParts;
  readonly #persistence: Persistence;

  /** Opens the storage; rejects with what the provider says. */
  static async open(parts: StoredStateParts): Promise<StoredState> {
    const { provider, clock, say } = parts;
    return new StoredState(parts, new Persistence({ storage: await provider.open(), clock, say }));
  }

  private constructor(parts: StoredStateParts, persistence: Persistence) {
    this.#parts = parts;
    this.#persistence = persistence;
  }

  /**
   * Hands every stored entry to `into`; what does not decode is counted and said. Rows of the type `aside` are no entries
   * and are answered.
   */
  async restore(into: (entry: StoredEntry) => void, aside: string = ""): Promise<StoredRow[]> {
    const { provider, codec, say } = this.#parts;
    let restored = 0;
    let unreadable = 0;
    const rows: StoredRow[] = [];
    for await (const row of this.#persistence.load()) {
      const { type, bytes } = row;
      if (type === aside) {
        rows.push(row);
        continue;
      }
      const entry = codec.head(bytes);
      if (entry === undefined) unreadable++;
      else {
        into(entry);
        restored++;
      }
    }
    say("info", "state restored", { storage: provider.name, entries: restored });
    if (unreadable > 0) {
      say("error", "stored entries do not decode and are left out", { unreadable });
    }
    return rows;
  }

  /** Rows of a type that are no entries. */
  rows(type: string): {
    put(key: string, bytes: Uint8Array): void;
    remove(key: string): void;
    flushed(): Promise<void>;
  } {
    const persistence = this.#persistence;
    return {
      put: (key, bytes) => persistence.put(type, key, bytes),
      remove: (key) => persistence.removed(type, key),
      flushed: () => persistence.flushed(),
    };
  }

  /** Takes note of what happened in the machine. */
  note(event: ReplicationEvent): void {
    if (event.type === "changed") this.#persistence.changed(event.entry, event.old === undefined);
    else if (event.type === "restamped") this.#persistence.changed(event.entry);
    else if (event.type === "purged") {
      this.#persistence.removed(event.entry.type, event.entry.key);
    }
  }

  /** Resolves once everything noted so far is stored. */
  flushed(): Promise<void> {
    return this.#persistence.flushed();
  }

  /** For status pages. */
  view(): PersistenceView & { readonly storage: string } {
    return { storage: this.#parts.provider.name, ...this.#persistence.view() };
  }

  /** Stores what is dirty, for a while at most, and closes the storage. */
  async close(): Promise<void> {
    await this.#persistence.close();
  }
}
