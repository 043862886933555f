/**
 * The storages, and what only SQLite has: its file, its lock between processes, its versions, its missing modules.
 */

import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { openDatabase } from "../../adapters/storage_sqlite/database.ts";
import { sqliteStorage } from "../../adapters/storage_sqlite/sqlite_storage.ts";
import { ClusterError } from "../../mod.ts";
import { storageCases } from "../../src/testing/compliance/mod.ts";
import { ended, firstLine, startModule } from "./child.ts";
import { judge } from "./judge.ts";
import { folder, memoryPlace, sqlitePlace } from "./storage_places.ts";

judge("memory storage", storageCases({ place: () => memoryPlace() }));

const unsupported = await openDatabase(":memory:").then((database) => {
  database.close();
  return undefined;
}, (error: unknown) => error);

if (unsupported === undefined) {
  judge("SQLite storage", storageCases({ place: () => sqlitePlace() }));
  judge(
    "SQLite storage that outlives power loss",
    storageCases({ place: () => sqlitePlace("power") }),
  );

  describe("an SQLite storage", () => {
    it("is refused to a second process in one sentence", async () => {
      using temporary = folder();
      const path = join(temporary.path, "state.db");
      await using _held = await sqliteStorage({ path }).open();
      const child = startModule("storage_writer", path, "1");
      assert.match(await firstLine(child), /^refused: Cannot open .* another process has it open/);
      assert.equal(await ended(child), 0);
    });

    it("makes a file that only its user reads", async () => {
      using temporary = folder();
      const path = join(temporary.path, "state.db");
      await using storage = await sqliteStorage({ path }).open();
      await storage.write([{ type: "t", key: "k", bytes: new Uint8Array(9) }]);
      for (const file of [path, `${path}-wal`]) {
        assert.equal(statSync(file).mode & 0o077, 0, file);
      }
    });

    it("of a newer version is left alone", async () => {
      using temporary = folder();
      const path = join(temporary.path, "state.db");
      await (await sqliteStorage({ path }).open()).close();
      const database = await openDatabase(path);
      database.exec("UPDATE althing_schema SET version = 2");
      database.close();
      await refuses(path, "bad-data", /schema has version 2, this release knows 1/);
    });

    it("does not settle among another program's tables", async () => {
      using temporary = folder();
      const path = join(temporary.path, "gateway.db");
      const database = await openDatabase(path);
      database.exec("CREATE TABLE config_keys (id INTEGER)");
      database.close();
      await refuses(path, "bad-data", /another program's tables \(config_keys\)/);
    });

    it("does not take other files for databases", async () => {
      using temporary = folder();
      const path = join(temporary.path, "config.yaml");
      writeFileSync(path, "cluster_config:\n  enabled: true\n".repeat(100));
      await refuses(path, "bad-data", /no SQLite database/);
    });

    it("says what is wrong with its folder", async () => {
      using temporary = folder();
      await refuses(join(temporary.path, "none", "state.db"), "refused", /check the folder/);
    });
  });
} else {
  describe("an SQLite storage without SQLite", () => {
    it("names both cures in one sentence", async () => {
      assert.match(process.version, /^v(20|21|22)\./, "later versions have node:sqlite");
      using temporary = folder();
      const path = join(temporary.path, "state.db");
      await refuses(path, "unsupported", /Node 22\.13 or later .* or install better-sqlite3/);
    });
  });
}

describe("the path of an SQLite storage", () => {
  for (const path of ["", ":memory:", "file:state.db"]) {
    it(`is not ${JSON.stringify(path)}`, () => {
      assert.throws(() => sqliteStorage({ path }), RangeError);
    });
  }
});

async function refuses(path: string, code: string, message: RegExp): Promise<void> {
  await assert.rejects(sqliteStorage({ path }).open(), (error) => {
    assert.ok(ClusterError.is(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}
