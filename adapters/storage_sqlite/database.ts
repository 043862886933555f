/**
 * SQLite as this runtime has it.
 *
 * @module
 */

import process from "node:process";
import { ClusterError } from "../../mod.ts";

/** A prepared statement; what `node:sqlite` and `better-sqlite3` have in common. */
export interface SqliteStatement {
  run(...values: readonly SqliteValue[]): unknown;
  all(...values: readonly SqliteValue[]): unknown[];
}

/** What is bound and read. */
export type SqliteValue = number | Uint8Array;

/** An open database; every call is synchronous. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => SqliteDatabase;
}

type BetterSqlite = new (path: string, options: { readonly timeout: number }) => SqliteDatabase;

/**
 * Opens the file with `node:sqlite` (Deno, Bun, Node 22.13 and later), else with `better-sqlite3`; rejects with
 * `ClusterError` `unsupported` when there is neither, and as SQLite does when the file can't be opened.
 */
export async function openDatabase(path: string): Promise<SqliteDatabase> {
  const builtin = process.getBuiltinModule?.("node:sqlite") as NodeSqlite | undefined;
  if (builtin !== undefined) return new builtin.DatabaseSync(path);
  const Database = await betterSqlite();
  return new Database(path, { timeout: 0 });
}

async function betterSqlite(): Promise<BetterSqlite> {
  // By a variable: its types are not installed, and only Node before 22.13 ever comes here.
  const name: string = "better-sqlite3";
  try {
    const { default: Database } = await import(name) as { readonly default: BetterSqlite };
    // The module loads without its native part; a database does not open without.
    new Database(":memory:", { timeout: 0 }).close();
    return Database;
  } catch (cause) {
    throw new ClusterError(
      "unsupported",
      "Cannot open an SQLite storage: this runtime has no node:sqlite and no working better-sqlite3, " +
        "run Node 22.13 or later (or Deno, or Bun), or install better-sqlite3 for this Node",
      { cause },
    );
  }
}
