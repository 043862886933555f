/**
 * Places to keep state in, for tests, and processes that are killed while they write.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStorage } from "../../adapters/storage_sqlite/sqlite_storage.ts";
import { crashWrite, type StoragePlace } from "../../src/testing/compliance/mod.ts";
import { type MemoryStorage, memoryStorage } from "../../src/testing/memory_storage.ts";
import { ended, firstLine, startModule } from "./child.ts";

/** A folder for one test. */
export interface Folder extends Disposable {
  readonly path: string;
}

/** Makes an empty folder; disposal removes it. */
export function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "althing-storage-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A memory storage; its opener is killed between two turns of the event loop. */
export function memoryPlace(make: () => MemoryStorage = memoryStorage): Promise<StoragePlace> {
  const provider = make();
  return Promise.resolve({
    provider,
    async crash(first: number): Promise<number> {
      let reported = first - 1;
      const storage = await provider.open();
      const writing = crashWrite(storage, first, Infinity, (batch) => reported = batch);
      const dead = writing.catch(() => {});
      for (let turns = Math.random() * 300; turns > 0; turns--) await Promise.resolve();
      provider.kill();
      await dead;
      return reported;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

/** A new SQLite file; its crashes are those of another process. */
export function sqlitePlace(survives: "process" | "power" = "process"): Promise<StoragePlace> {
  const { path, [Symbol.dispose]: remove } = folder();
  const file = join(path, "state.db");
  return Promise.resolve({
    provider: sqliteStorage({ path: file, survives }),
    crash: (first: number) => killedWriter("storage_writer", first, file),
    [Symbol.asyncDispose]: () => Promise.resolve(remove()),
  });
}

/**
 * Starts the module `name`, relative to this one, with `first` as its last argument, and kills it at a random instant.
 * It prints `open`, then the number of each batch as soon as that is stored. Answers the last it printed.
 */
export async function killedWriter(
  name: string,
  first: number,
  ...args: readonly string[]
): Promise<number> {
  const child = startModule(name, ...args, String(first));
  const text = linesOf(child);
  const opened = await firstLine(child);
  if (opened !== "open") throw new Error(`The writer did not open the storage: ${opened}`);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
  child.kill("SIGKILL");
  await Promise.all([ended(child), new Promise((resolve) => child.once("close", resolve))]);
  const reported = text().split("\n").slice(1, -1);
  return reported.length === 0 ? first - 1 : Number(reported.at(-1));
}

/** Everything the child prints. */
function linesOf(child: ChildProcess): () => string {
  let text = "";
  child.stdout?.on("data", (chunk) => text += String(chunk));
  return () => text;
}
