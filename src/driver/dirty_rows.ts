/**
 * Which rows the storage does not have yet, each once, with what is newest of it.
 *
 * @module
 */

import type { StoredKey } from "../ports/storage.ts";

/** A row to be written, or removed. */
export interface DirtyRow extends StoredKey {
  /** What is to be stored; `undefined` removes. */
  readonly bytes: Uint8Array | undefined;
}

interface Pending {
  readonly type: string;
  readonly key: string;
  bytes: Uint8Array | undefined;
  /** When it became dirty: marks count up, and a row keeps its own until it is taken. */
  readonly mark: number;
  /** The storage has no row of this key, so that removing it needs no call. */
  readonly isNew: boolean;
}

/**
 * Rows in the order in which they became dirty. Held are at most the keys that the node holds and those that the storage
 * holds: a row that came and went while the storage took nothing leaves no trace.
 */
export class DirtyRows {
  readonly #rows: Map<string, Pending> = new Map();
  #marks = 0;

  /** Rows waiting. */
  get size(): number {
    return this.#rows.size;
  }

  /** The last mark that was given out. */
  get lastMark(): number {
    return this.#marks;
  }

  /** Gives out a mark for something that is flushed along with the rows. */
  mark(): number {
    return ++this.#marks;
  }

  /** The mark of the row that waits longest; `undefined` when none does. */
  get oldestMark(): number | undefined {
    for (const { mark } of this.#rows.values()) return mark;
    return undefined;
  }

  /** The row has these bytes now. `isNew`: the storage can't have one of this key. */
  put(type: string, key: string, bytes: Uint8Array, isNew: boolean): void {
    const id = idOf(type, key);
    const pending = this.#rows.get(id);
    if (pending !== undefined) pending.bytes = bytes;
    else this.#rows.set(id, { type, key, bytes, mark: ++this.#marks, isNew });
  }

  /** The row is gone. */
  remove(type: string, key: string): void {
    const id = idOf(type, key);
    const pending = this.#rows.get(id);
    if (pending === undefined) {
      this.#rows.set(id, { type, key, bytes: undefined, mark: ++this.#marks, isNew: false });
    } else if (pending.isNew) this.#rows.delete(id);
    else pending.bytes = undefined;
  }

  /** Takes the rows that wait longest, as many as the bounds allow, one at least. */
  take(rowsMax: number, bytesMax: number): DirtyRow[] {
    const taken: DirtyRow[] = [];
    let bytes = 0;
    for (const [id, pending] of this.#rows) {
      bytes += pending.bytes?.length ?? 0;
      if (taken.length === rowsMax || (taken.length > 0 && bytes > bytesMax)) break;
      taken.push(pending);
      this.#rows.delete(id);
    }
    return taken;
  }
}

/** Tells all pairs apart, whatever characters they hold. */
function idOf(type: string, key: string): string {
  return `${type.length}/${type}${key}`;
}
