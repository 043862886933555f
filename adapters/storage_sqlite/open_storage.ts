/** @module */

import { ClusterError, type Storage, type StoredKey, type StoredRow } from "../../mod.ts";
import type { SqliteDatabase, SqliteStatement } from "./database.ts";

/** A page of `load`: so many rows, or fewer when their bytes are many. */
const PAGE_ROWS_MAX = 256;
const PAGE_BYTES_MAX = 4 * 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** An SQLite file that this process has locked. Every call runs to its end before it returns. */
export class OpenSqliteStorage implements Storage {
  readonly #database: SqliteDatabase;
  readonly #path: string;
  readonly #put: SqliteStatement;
  readonly #delete: SqliteStatement;
  readonly #sizes: SqliteStatement;
  readonly #page: SqliteStatement;
  readonly #getMeta: SqliteStatement;
  readonly #setMeta: SqliteStatement;
  #closed = false;

  constructor(database: SqliteDatabase, path: string) {
    this.#database = database;
    this.#path = path;
    // coalesce: some drivers bind no bytes as NULL.
    this.#put = database.prepare(
      "INSERT INTO althing_rows (type, key, bytes) VALUES (?, ?, coalesce(?, zeroblob(0))) " +
        "ON CONFLICT (type, key) DO UPDATE SET bytes = excluded.bytes",
    );
    this.#delete = database.prepare("DELETE FROM althing_rows WHERE type = ? AND key = ?");
    this.#sizes = database.prepare(
      `SELECT id, length(bytes) AS size FROM althing_rows WHERE id > ? ORDER BY id LIMIT ${PAGE_ROWS_MAX}`,
    );
    this.#page = database.prepare(
      "SELECT type, key, bytes FROM althing_rows WHERE id > ? AND id <= ? ORDER BY id",
    );
    this.#getMeta = database.prepare("SELECT bytes FROM althing_metas WHERE name = ?");
    this.#setMeta = database.prepare(
      "INSERT INTO althing_metas (name, bytes) VALUES (?, coalesce(?, zeroblob(0))) " +
        "ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes",
    );
  }

  async *load(): AsyncGenerator<StoredRow> {
    for (let after = 0;;) {
      const { rows, last } = await this.#attempt("read", () => this.#readPage(after));
      if (last === after) return;
      for (const { type, key, bytes } of rows) {
        yield {
          type: decoder.decode(type),
          key: decoder.decode(key),
          bytes: new Uint8Array(bytes),
        };
      }
      after = last;
    }
  }

  write(rows: readonly StoredRow[]): Promise<void> {
    return this.#change(() => {
      for (const { type, key, bytes } of rows) {
        this.#put.run(encoder.encode(type), encoder.encode(key), bytes);
      }
    });
  }

  remove(keys: readonly StoredKey[]): Promise<void> {
    return this.#change(() => {
      for (const { type, key } of keys) this.#delete.run(encoder.encode(type), encoder.encode(key));
    });
  }

  getMeta(name: string): Promise<Uint8Array | undefined> {
    return this.#attempt("read", () => {
      const [row] = this.#getMeta.all(encoder.encode(name));
      return row === undefined
        ? undefined
        : new Uint8Array((row as { readonly bytes: Uint8Array }).bytes);
    });
  }

  setMeta(name: string, bytes: Uint8Array): Promise<void> {
    return this.#change(() => void this.#setMeta.run(encoder.encode(name), bytes));
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    try {
      this.#database.close();
    } catch {
      // Nothing can be done about it, and what was committed stays.
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The rows numbered above `after`, up to `last`; `last` is `after` when there are none. */
  #readPage(after: number): { rows: readonly PageRow[]; last: number } {
    let bytes = 0;
    let last = after;
    for (const { id, size } of this.#sizes.all(after) as readonly { id: number; size: number }[]) {
      bytes += size;
      if (last !== after && bytes > PAGE_BYTES_MAX) break;
      last = id;
    }
    const rows = last === after ? [] : this.#page.all(after, last) as PageRow[];
    return { rows, last };
  }

  #change(work: () => void): Promise<void> {
    return this.#attempt("write to", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        work();
        this.#database.exec("COMMIT");
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // After some errors, a full disk for one, SQLite has rolled back already.
    }
  }

  #attempt<T>(deed: string, work: () => T): Promise<T> {
    const what = `Cannot ${deed} the SQLite storage ${JSON.stringify(this.#path)}`;
    if (this.#closed) {
      return Promise.reject(new ClusterError("closed", `${what}: it was closed`));
    }
    try {
      return Promise.resolve(work());
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const advice = "check the space and the health of its disk";
      return Promise.reject(
        new ClusterError("refused", `${what}: ${reason}, ${advice}`, { cause }),
      );
    }
  }
}

interface PageRow {
  readonly type: Uint8Array;
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
}
