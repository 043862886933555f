/**
 * Opens the SQLite file of the first argument and writes crash batches from the second argument on, printing the number
 * of each as soon as it is stored, until it is killed. Prints `refused: ...` when the file can't be opened.
 *
 * @module
 */

import { writeSync } from "node:fs";
import process from "node:process";
import { ClusterError } from "../../mod.ts";
import { crashWrite } from "../../src/testing/compliance/mod.ts";
import { sqliteStorage } from "../../adapters/storage_sqlite/sqlite_storage.ts";

const [, , path, first] = process.argv;

/** At once, so that a line is out before the next batch begins. */
function print(line: string): void {
  writeSync(1, `${line}\n`);
}

try {
  const storage = await sqliteStorage({ path: path! }).open();
  print("open");
  await crashWrite(storage, Number(first), Infinity, (batch) => print(String(batch)));
} catch (error) {
  print(ClusterError.is(error) ? `${error.code}: ${error.message}` : String(error));
}
