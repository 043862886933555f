/**
 * State in one SQLite file: `node:sqlite` on Deno, Bun and Node 22.13 or later, the optional peer `better-sqlite3` on
 * Node 20.
 *
 * ```ts
 * import { sqliteStorage } from "@althing/cluster/storage-sqlite";
 *
 * await using storage = await sqliteStorage({ path: "cluster.db" }).open();
 * await storage.setMeta("greeting", new Uint8Array([104, 105]));
 * ```
 *
 * @module
 */

import { open as openFile } from "node:fs/promises";
import { ClusterError, type Storage, type StorageProvider } from "../../mod.ts";
import { openDatabase, type SqliteDatabase } from "./database.ts";
import { OpenSqliteStorage } from "./open_storage.ts";
import { ensureTables } from "./schema.ts";

/** Where and how. */
export interface SqliteStorageOptions {
  /** The file; it is made, readable by this user alone, when it is not there. Its folder must exist, on a local disk. */
  readonly path: string;
  /**
   * Which deaths a resolved write outlives. `"process"`: every death of this process, SIGKILL included; when the
   * machine itself loses power or its kernel dies, the writes of the last moments may be gone, and those before them
   * are whole. `"power"`: those too, at the price of one disk flush for each write, during which this process waits.
   *
   * @default {"process"}
   */
  readonly survives?: "process" | "power";
}

/** Keeps state in an SQLite file; throws `RangeError` for a path that names none. */
export function sqliteStorage(options: SqliteStorageOptions): StorageProvider {
  const { path, survives = "process" } = options;
  if (path === "" || path.startsWith(":") || path.startsWith("file:")) {
    throw new RangeError(
      `Cannot keep state in ${
        JSON.stringify(path)
      }: it is no path of a file, give one such as "./cluster.db"`,
    );
  }
  return { name: "sqlite", open: () => openStorage(path, survives) };
}

async function openStorage(path: string, survives: "process" | "power"): Promise<Storage> {
  let database: SqliteDatabase | undefined;
  try {
    // Entities hold secrets; SQLite gives its other files the mode of this one.
    await (await openFile(path, "a", 0o600)).close();
    database = await openDatabase(path);
    prepare(database, path, survives);
    return new OpenSqliteStorage(database, path);
  } catch (error) {
    database?.close();
    throw explained(error, path);
  }
}

/**
 * The lock is taken at once and held until the database is closed or the process is dead, by whatever death. In WAL mode
 * NORMAL hands every commit to the kernel before it returns, FULL to the disk.
 */
function prepare(database: SqliteDatabase, path: string, survives: "process" | "power"): void {
  database.exec("PRAGMA locking_mode = EXCLUSIVE");
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(`PRAGMA synchronous = ${survives === "power" ? "FULL" : "NORMAL"}`);
  database.exec("PRAGMA journal_size_limit = 67108864");
  database.exec("BEGIN EXCLUSIVE");
  ensureTables(database, path);
  database.exec("COMMIT");
}

function explained(error: unknown, path: string): unknown {
  if (ClusterError.is(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const deed = `Cannot open the SQLite storage ${JSON.stringify(path)}`;
  if (/database is locked/.test(reason)) {
    return new ClusterError(
      "refused",
      `${deed}: another process has it open, give each node a file of its own`,
      { cause: error },
    );
  }
  if (/file is not a database|malformed/.test(reason)) {
    return new ClusterError(
      "bad-data",
      `${deed}: it is no SQLite database or a damaged one, give another path or remove the file to ` +
        "start from the peers' state",
      { cause: error },
    );
  }
  return new ClusterError(
    "refused",
    `${deed}: ${reason}, check the folder, its permissions and the space on its disk`,
    { cause: error },
  );
}
