/** @module */

import { ClusterError, type Storage, type StoredKey, type StoredRow } from "../../mod.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import { byteaArray, escapeName, textArray, unescapeName } from "./text_format.ts";

/** A page of `load`: so many rows, or fewer when their bytes are many. */
const PAGE_ROWS_MAX = 256;
const PAGE_BYTES_MAX = 4 * 1024 * 1024;

const WRITE = `
  INSERT INTO althing_rows (node, type, key, bytes)
  SELECT $1, * FROM unnest($2::text::text[], $3::text::text[], $4::text::bytea[])
  ON CONFLICT (node, type, key) DO UPDATE SET bytes = excluded.bytes`;

const REMOVE = `
  DELETE FROM althing_rows USING unnest($2::text::text[], $3::text::text[]) AS gone (type, key)
  WHERE althing_rows.node = $1
    AND althing_rows.type = gone.type AND althing_rows.key = gone.key`;

const GET_META = "SELECT bytes FROM althing_metas WHERE node = $1 AND name = $2";

const SET_META = `
  INSERT INTO althing_metas (node, name, bytes) VALUES ($1, $2, ($3::text::bytea[])[1])
  ON CONFLICT (node, name) DO UPDATE SET bytes = excluded.bytes`;

const FIRST_PAGE = pageWhere("node = $1");
const NEXT_PAGE = pageWhere("node = $1 AND (type, key) > ($2, $3)");

/** Rows in order until their bytes are too many, one at least. */
function pageWhere(condition: string): string {
  return `
    SELECT type, key, bytes FROM (
      SELECT type, key, bytes,
        row_number() OVER (ORDER BY type, key) AS place,
        sum(octet_length(bytes)) OVER (ORDER BY type, key) AS total
      FROM (
        SELECT type, key, bytes FROM althing_rows WHERE ${condition}
        ORDER BY type, key LIMIT ${PAGE_ROWS_MAX}
      ) AS page
    ) AS sized
    WHERE place = 1 OR total <= ${PAGE_BYTES_MAX}
    ORDER BY type, key`;
}

interface PageRow {
  readonly type: string;
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** The rows of one node. Calls are made one after the other, each in a transaction of its own. */
export class OpenPostgresStorage implements Storage {
  readonly #sessions: Sessions;
  readonly #node: string;
  #tail: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(sessions: Sessions, nodeId: string) {
    this.#sessions = sessions;
    this.#node = escapeName(nodeId);
  }

  async *load(): AsyncGenerator<StoredRow> {
    let rows = await this.#readPage(FIRST_PAGE, []);
    for (let last = rows.at(-1); last !== undefined; last = rows.at(-1)) {
      for (const { type, key, bytes } of rows) {
        yield { type: unescapeName(type), key: unescapeName(key), bytes: new Uint8Array(bytes) };
      }
      rows = await this.#readPage(NEXT_PAGE, [last.type, last.key]);
    }
  }

  async write(rows: readonly StoredRow[]): Promise<void> {
    if (rows.length === 0 && this.#closed === undefined) return;
    await this.#call("write to", (session) => {
      // One statement may touch a row once only.
      const latest = [
        ...new Map(rows.map((row) => [JSON.stringify([row.type, row.key]), row])).values(),
      ];
      return session.query(WRITE, [
        this.#node,
        ...nameArrays(latest),
        byteaArray(latest.map(({ bytes }) => bytes)),
      ]);
    });
  }

  async remove(keys: readonly StoredKey[]): Promise<void> {
    if (keys.length === 0 && this.#closed === undefined) return;
    await this.#call("write to", (session) => {
      return session.query(REMOVE, [this.#node, ...nameArrays(keys)]);
    });
  }

  async getMeta(name: string): Promise<Uint8Array | undefined> {
    const [row] = await this.#call("read", (session) => {
      return session.query(GET_META, [this.#node, escapeName(name)]);
    });
    return row === undefined ? undefined : new Uint8Array(row["bytes"] as Uint8Array);
  }

  async setMeta(name: string, bytes: Uint8Array): Promise<void> {
    await this.#call("write to", (session) => {
      return session.query(SET_META, [this.#node, escapeName(name), byteaArray([bytes])]);
    });
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#sessions.retryNoMore();
      this.#closed = this.#tail.then(() => this.#sessions.end());
    }
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #readPage(statement: string, after: readonly string[]): Promise<readonly PageRow[]> {
    const rows: readonly unknown[] = await this.#call("read", (session) => {
      return session.query(statement, [this.#node, ...after]);
    });
    return rows as readonly PageRow[];
  }

  #call<T>(deed: string, work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      const what = `Cannot ${deed} the PostgreSQL storage ${this.#sessions.place}`;
      return Promise.reject(new ClusterError("closed", `${what}: it was closed`));
    }
    const result = this.#tail.then(() => this.#sessions.run(deed, work));
    this.#tail = result.catch(() => {});
    return result;
  }
}

function nameArrays(keys: readonly StoredKey[]): [types: string, keys: string] {
  return [
    textArray(keys.map(({ type }) => escapeName(type))),
    textArray(keys.map(({ key }) => escapeName(key))),
  ];
}
