/**
 * What nobody has to remember deletes for: which writes a node has certainly seen (`docs/protocol.md`, beyond the
 * horizon).
 *
 * Every writer numbers its writes. A row says: of this boot we have seen every write up to this number, itself or a later
 * version of its key. So a value with such a number whose key we lack was deleted, however long ago. Without a row
 * nothing follows: a lost row brings a deleted key back at worst and loses nothing.
 *
 * @module
 */

import type { StoredEntry } from "./entry.ts";
import type { AgreedRow } from "./frames.ts";

/** Says in a greeting that claims are understood, and refusals for having been deleted. */
export const AGREED_CAPABILITY = "agreed:v1";

/** The reason with which a value is refused whose delete is forgotten: whoever offers it forgets it too. */
export const DELETED = "deleted";

/** Boots remembered; the one that has said nothing for longest goes first. */
export const AGREED_ROWS_MAX = 65_536;

/** Values remembered one by one because their delete was forgotten before any row spoke of them; oldest out first. */
export const GRAVES_MAX = 65_536;

/** Rows in one batch. */
export const ROWS_PER_BATCH = 1_024;

interface Row {
  readonly number: number;
  readonly revision: number;
}

/** The rows of a node. Iterated by the time of their last change. */
export class AgreedTable {
  readonly #self: string;
  readonly #rows: Map<string, Row> = new Map();
  readonly #graves: Set<string> = new Set();
  #revision = 0;
  /** The number of our last write. */
  ownNumber = 0;

  /** `self` is our boot id. */
  constructor(self: string) {
    this.#self = self;
  }

  /** Counts the changes of rows. */
  get revision(): number {
    return this.#revision;
  }

  /** Whether we have certainly seen this write or a later version of its key. */
  covers(entry: StoredEntry): boolean {
    return this.#isAgreed(entry) || (this.#graves.size > 0 && this.#graves.has(graveOf(entry)));
  }

  /** The delete of this value is forgotten: where no row speaks of it, it is remembered by itself. */
  bury(entry: StoredEntry): void {
    if (this.#isAgreed(entry)) return;
    this.#graves.add(graveOf(entry));
    if (this.#graves.size <= GRAVES_MAX) return;
    for (const oldest of this.#graves) {
      this.#graves.delete(oldest);
      break;
    }
  }

  /** Everything of this boot up to `number` has been seen. */
  raise(boot: string, number: number): void {
    if (boot === this.#self || number <= (this.#rows.get(boot)?.number ?? 0)) return;
    this.#rows.delete(boot);
    this.#rows.set(boot, { number, revision: ++this.#revision });
    if (this.#rows.size <= AGREED_ROWS_MAX) return;
    for (const oldest of this.#rows.keys()) {
      this.#rows.delete(oldest);
      break;
    }
  }

  #isAgreed({ version: { boot }, number = 0 }: StoredEntry): boolean {
    if (number === 0) return false;
    if (boot === this.#self) return number <= this.ownNumber;
    return number <= (this.#rows.get(boot)?.number ?? 0);
  }

  /** All rows, our own included: for a file. */
  *rows(): Generator<AgreedRow> {
    for (const [boot, { number }] of this.#rows) yield { boot, number };
    if (this.ownNumber > 0) yield { boot: this.#self, number: this.ownNumber };
  }

  /** Rows last changed after one revision and not after the other, oldest first, with the revision they reach to. */
  changed(after: number, upTo: number): { readonly rows: AgreedRow[]; readonly reached: number } {
    const rows: AgreedRow[] = [];
    if (after >= upTo) return { rows, reached: upTo };
    for (const [boot, { number, revision }] of this.#rows) {
      if (revision <= after) continue;
      if (revision > upTo) break;
      if (rows.length === ROWS_PER_BATCH) return { rows, reached: revision - 1 };
      rows.push({ boot, number });
    }
    return { rows, reached: upTo };
  }
}

/** One number may stand for several keys: a batch of writes has one. */
function graveOf({ type, key, version: { boot }, number = 0 }: StoredEntry): string {
  return `${boot}\u0000${number}\u0000${type}\u0000${key}`;
}
