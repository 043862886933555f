/**
 * The books of a node: one per window in which it had to do with a limit. Our own columns live here and nowhere else.
 *
 * @module
 */

import { decodeCell } from "../cell_codec.ts";
import { type CellAddress, cellKey, parseCellKey, windowKeyPrefix } from "../cell_key.ts";
import { Counter } from "../counter.ts";
import type { ResolvedLimit } from "../definition.ts";
import { subWindowMs, type WindowSpan } from "../windows.ts";
import { Book } from "./book.ts";
import { CellTable } from "./cell_table.ts";
import type { CellCopy } from "./messages.ts";
import type { OwnerWorld } from "./world.ts";

/** See the module. */
export class Books {
  /** What others wrote. */
  readonly table: CellTable;
  readonly #world: OwnerWorld;
  readonly #books: Map<string, Book> = new Map();
  /** Newest window by limit. */
  readonly #present: Map<string, Book> = new Map();
  /** Books whose own cell changed since it was written. */
  readonly #dirty: Set<Book> = new Set();
  #flushedMs = -Infinity;
  #flushAt: number | undefined;
  #revision = 0;

  /** No books. */
  constructor(world: OwnerWorld) {
    this.#world = world;
    this.table = new CellTable(world.config.cellsMax, world.shards);
  }

  /** When changed cells are to be written. */
  next(): number | undefined {
    return this.#flushAt;
  }

  /** Whether every change was written. */
  get isClean(): boolean {
    return this.#dirty.size === 0;
  }

  /** The book of the window that is now; opens it. `undefined` when the calendar can't say. */
  present(limit: ResolvedLimit): Book | undefined {
    const { wallMs, windows } = this.#world;
    const known = this.#present.get(limit.id);
    if (known !== undefined && wallMs < known.counter.endMs) return this.#advanced(known, limit);
    const span = windows.at(limit.shape, wallMs);
    if (span === undefined) return undefined;
    const prefix = windowKeyPrefix(limit.id, limit.created, span.id);
    const book = this.#books.get(prefix) ?? this.#open(limit, span, prefix);
    this.#present.set(limit.id, book);
    return this.#advanced(book, limit);
  }

  /** A limit has another definition, or none: its windows may be others. */
  redefined(id: string): void {
    this.#present.delete(id);
  }

  /** The book whose own column has this key. */
  byOwnCell(key: string): Book | undefined {
    const address = parseCellKey(key);
    if (address === undefined) return undefined;
    const book = this.#books.get(prefixOf(address));
    return book?.counter.key === key ? book : undefined;
  }

  /** The book of a window. */
  byPrefix(prefix: string): Book | undefined {
    return this.#books.get(prefix);
  }

  /** Books of a shard. */
  *of(shard: number): Iterable<Book> {
    for (const book of this.#books.values()) if (book.shard === shard) yield book;
  }

  /** All that is known of a shard, our own newest words included. */
  cells(shard: number): CellCopy[] {
    const cells = [...this.table.of(shard)];
    for (const book of this.of(shard)) if (book.hasOwn) cells.push(book.speak());
    return cells;
  }

  /** Grows whenever the list of {@linkcode Books.cells} may have another order or length. */
  revision(shard: number): number {
    return this.table.revision(shard) + this.#revision;
  }

  /** Takes a cell of another writer that a peer passed on; `false` when there is no room. */
  adopt(cell: CellCopy): boolean {
    const address = parseCellKey(cell.key);
    if (address === undefined) return this.#malformed();
    if (this.#isOurs(address) || cell.expiresMs <= this.#world.wallMs) return true;
    const word = decodeCell(cell.bytes);
    if (word === undefined || word.word !== cell.word) return this.#malformed();
    if (!this.table.put(this.#world.shardOf(address.limit), cell)) {
      this.#world.counters.cellsRefused++;
      return false;
    }
    this.#books.get(prefixOf(address))?.counter.merge(address, word, this.#world.now);
    return true;
  }

  /** Takes a cell from the store; only of windows that are open here, others are replayed when they open. */
  take(key: string, bytes: Uint8Array): void {
    const address = parseCellKey(key);
    const word = decodeCell(bytes);
    if (address === undefined || word === undefined) return void this.#malformed();
    if (this.#isOurs(address)) return;
    const book = this.#books.get(prefixOf(address));
    if (book === undefined) return;
    const { expiresMs, shard } = book;
    if (!this.table.put(shard, { key, word: word.word, bytes, expiresMs })) {
      this.#world.counters.cellsRefused++;
    }
    book.counter.merge(address, word, this.#world.now);
  }

  /** Our column of a book is to be written: as it is, or as the next on the ring has it. */
  touch(book: Book, confirmed?: CellCopy): void {
    book.confirmed = confirmed;
    this.#dirty.add(book);
    const at = Math.max(this.#world.now, this.#flushedMs + this.#world.config.flushMs);
    if (this.#flushAt === undefined || at < this.#flushAt) this.#flushAt = at;
  }

  /** Writes what is due. */
  flush(): void {
    const { now, effects } = this.#world;
    if (this.#flushAt === undefined || now < this.#flushAt) return;
    this.#flushAt = undefined;
    this.#flushedMs = now;
    for (const book of this.#dirty) {
      effects.push({ type: "writeCell", ...(book.confirmed ?? book.speak()) });
    }
    this.#dirty.clear();
  }

  /** Forgets windows that are over and done. */
  expire(): void {
    const { wallMs, limits } = this.#world;
    this.table.expire(wallMs);
    for (const [prefix, book] of this.#books) {
      if (book.expiresMs > wallMs || book.pending.length > 0) continue;
      const isPresent = this.#present.get(book.limit) === book;
      if (isPresent && limits.has(book.limit)) continue;
      if (isPresent) this.#present.delete(book.limit);
      this.#dirty.delete(book);
      this.#books.delete(prefix);
      this.#revision++;
    }
  }

  #open({ id, created, shape }: ResolvedLimit, span: WindowSpan, prefix: string): Book {
    const world = this.#world;
    const key = cellKey({ limit: id, created, window: span.id, ...world.writer });
    const counter = new Counter(span, key, world.writer, subWindowMs(shape));
    const book = new Book(id, world.shardOf(id), prefix, counter, world.config.horizonMs);
    counter.advance(world.wallMs);
    this.#books.set(prefix, book);
    this.#revision++;
    for (const { key: other, bytes } of this.table.of(book.shard)) {
      if (!other.startsWith(prefix)) continue;
      const word = decodeCell(bytes);
      if (word !== undefined) counter.merge(parseCellKey(other) as CellAddress, word, world.now);
    }
    world.effects.push({ type: "replayCells", prefix });
    return book;
  }

  #advanced(book: Book, limit: ResolvedLimit): Book {
    const { counter } = book;
    if (!counter.isRolling || !counter.advance(this.#world.wallMs)) return book;
    // A rolling window never ends: it may be told again once use was clearly lower.
    if (counter.used * 10 < limit.nearAt * 9) counter.isNearTold = false;
    if (counter.used * 10 < limit.limit * 9) counter.isDebtTold = false;
    return book;
  }

  #isOurs({ node, boot }: CellAddress): boolean {
    const { writer } = this.#world;
    return node === writer.node && boot === writer.boot;
  }

  #malformed(): true {
    this.#world.counters.cellsMalformed++;
    return true;
  }
}

function prefixOf({ limit, created, window }: CellAddress): string {
  return windowKeyPrefix(limit, created, window);
}
