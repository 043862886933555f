/**
 * Keeps the operations of `storage_crash_plan.ts` in the SQLite file of the first argument, from the second argument on,
 * through the persistence of a node, until it is killed. Prints `found {...}` (what the file held, and how far the table
 * in it goes), `issued N` before it makes operations up to `N`, `stored N` once they are stored.
 *
 * @module
 */

import { writeSync } from "node:fs";
import process from "node:process";
import { sqliteStorage } from "../../adapters/storage_sqlite/sqlite_storage.ts";
import { ClusterError } from "../../mod.ts";
import { entryCodec } from "../../src/driver/entry_codec.ts";
import { Persistence } from "../../src/driver/persistence.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { bytesOf, operation, valueOf } from "./storage_crash_plan.ts";

const [, , path, first] = process.argv;
const TABLE = "table";

function print(line: string): void {
  writeSync(1, `${line}\n`);
}

try {
  const { clock } = await runtimeUnderTest();
  const storage = await sqliteStorage({ path: path! }).open();
  const persistence = new Persistence({ storage, clock, say: (_, message) => print(message) });
  const found: Record<string, number> = {};
  for await (const { bytes } of persistence.load()) {
    const entry = entryCodec.decode(bytes);
    if (entry?.value === undefined) throw new Error("Read an entry that does not decode");
    found[entry.key] = valueOf(entry.value);
  }
  const table = await persistence.loadMeta(TABLE);
  print(`found ${JSON.stringify({ found, table: table === undefined ? 0 : valueOf(table) })}`);

  const held = new Set(Object.keys(found));
  for (let next = Number(first);;) {
    const last = next + (next * 31) % 400;
    print(`issued ${last}`);
    for (; next <= last; next++) {
      const { key, value } = operation(next);
      if (value === undefined) {
        persistence.removed("t", key);
        held.delete(key);
        continue;
      }
      const version = { wallMs: next, logic: 0, origin: "a", boot: "b" };
      const bytes = entryCodec.encode({
        type: "t",
        key,
        version,
        value: bytesOf(value),
        contentType: "",
        schemaVersion: 0,
      });
      persistence.changed({ type: "t", key, version, deleted: false, bytes }, !held.has(key));
      held.add(key);
    }
    persistence.setMeta(TABLE, bytesOf(last));
    void persistence.flushed().then(() => print(`stored ${last}`));
    await new Promise((resolve) => setTimeout(resolve, next % 5));
  }
} catch (error) {
  print(ClusterError.is(error) ? `${error.code}: ${error.message}` : String(error));
}
