/**
 * The tables of an SQLite storage and their version.
 *
 * @module
 */

import { ClusterError } from "../../mod.ts";
import type { SqliteDatabase } from "./database.ts";

/** What this code reads and writes. */
const SCHEMA_VERSION = 1;

/**
 * Names are blobs of UTF-8, because Deno's driver ends a text at U+0000; `CAST(key AS TEXT)` shows them. Rows have a
 * number of their own, so that reading in pages needs no sorting and large values stay out of the index.
 */
const TABLES = `
  CREATE TABLE althing_schema (version INTEGER NOT NULL) STRICT;
  INSERT INTO althing_schema VALUES (${SCHEMA_VERSION});
  CREATE TABLE althing_rows (
    id INTEGER PRIMARY KEY,
    type BLOB NOT NULL,
    key BLOB NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (type, key)
  ) STRICT;
  CREATE TABLE althing_metas (name BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
`;

/** Makes the tables in an empty file; throws `ClusterError` `bad-data` for a file of somebody else or of a newer version. */
export function ensureTables(database: SqliteDatabase, path: string): void {
  const file = JSON.stringify(path);
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
    .map((row) => (row as { readonly name: string }).name);
  if (tables.length === 0) {
    database.exec(TABLES);
    return;
  }
  if (!tables.includes("althing_schema")) {
    throw new ClusterError(
      "bad-data",
      `Cannot open the SQLite storage ${file}: it holds another program's tables (${tables[0]}), ` +
        "give the cluster a file of its own",
    );
  }
  const [row] = database.prepare("SELECT version FROM althing_schema").all();
  const { version } = (row ?? { version: 0 }) as { readonly version: number };
  if (version === SCHEMA_VERSION) return;
  throw new ClusterError(
    "bad-data",
    `Cannot open the SQLite storage ${file}: its schema has version ${version}, this release knows ` +
      `${SCHEMA_VERSION}, run the release that wrote it or remove the file to start from the peers' state`,
  );
}
