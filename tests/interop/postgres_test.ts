/**
 * The PostgreSQL storage against a real server that these tests start: the suite, encodings, rights, TLS, and a server
 * that is killed while the node writes.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  postgresStorage,
  type PostgresStorageOptions,
} from "../../adapters/storage_postgres/postgres_storage.ts";
import { ClusterError, type ClusterErrorCode, type LogRecord, type Storage } from "../../mod.ts";
import { Persistence } from "../../src/driver/persistence.ts";
import { storageCases } from "../../src/testing/compliance/mod.ts";
import { ROOT } from "../../tools/project.ts";
import { judge } from "../compliance/judge.ts";
import { killedWriter } from "../compliance/storage_places.ts";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { ADMIN, PostgresServer, postgresSkipReason } from "./postgres_server.ts";

const skip = postgresSkipReason();
const server = skip === false ? await PostgresServer.start() : undefined;
after(() => server?.[Symbol.asyncDispose]());

let places = 0;

/** What opens a place of its own, unless `changes` names another's. */
function options(changes: Partial<PostgresStorageOptions> = {}): PostgresStorageOptions {
  const { port } = server!;
  const nodeId = `gw-${++places}`;
  return { ...ADMIN, host: "127.0.0.1", port, database: "althing", nodeId, ...changes };
}

/** With a time limit, for tests that wait for servers. */
function test(claim: string, work: () => Promise<void>): void {
  it(claim, { skip, timeout: 60_000 }, work);
}

if (server !== undefined) {
  const place = (): Promise<{
    provider: ReturnType<typeof postgresStorage>;
    crash: (first: number) => Promise<number>;
    [Symbol.asyncDispose]: () => Promise<void>;
  }> => {
    const chosen = options();
    return Promise.resolve({
      provider: postgresStorage(chosen),
      crash: (first) =>
        killedWriter("../interop/postgres_writer", first, String(server.port), chosen.nodeId),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  };
  judge("PostgreSQL storage", storageCases({ place }));
}

describe("a PostgreSQL storage", () => {
  test("keeps the rows of each node apart", async () => {
    const [one, two] = [options(), options()];
    await using first = await postgresStorage(one).open();
    await using second = await postgresStorage(two).open();
    await first.write([row("a", 1)]);
    await second.write([row("a", 2), row("b", 2)]);
    await second.remove([{ type: "t", key: "b" }]);
    assert.equal(await textOf(first), "a=1");
    assert.equal(await textOf(second), "a=2");
  });

  test("is refused to a second process of the same node in one sentence", async () => {
    const chosen = options();
    await using _held = await postgresStorage(chosen).open();
    await refuses(chosen, "refused", /another session holds the rows of node "gw-\d+", stop that/);
  });

  test("of a newer version is left alone", async () => {
    await database("newer", "ENCODING 'UTF8'");
    await (await postgresStorage(options({ database: "newer" })).open()).close();
    await server!.admin("newer", (sql) => sql.unsafe("UPDATE althing_schema SET version = 2"));
    await refuses(options({ database: "newer" }), "bad-data", /version 2, this release knows 1/);
  });

  test("in another encoding than UTF-8 is refused before anything is made", async () => {
    for (const encoding of ["SQL_ASCII", "LATIN1"]) {
      const name = `in_${encoding.toLowerCase()}`;
      await database(name, `ENCODING '${encoding}'`);
      const expected = new RegExp(`encoding is ${encoding}, use one .* ENCODING 'UTF8'`);
      await refuses(options({ database: name }), "bad-data", expected);
      const tables = await server!.admin(name, (sql) => {
        return sql.unsafe("SELECT * FROM pg_tables WHERE tablename LIKE 'althing%'");
      });
      assert.equal(tables.length, 0);
    }
  });

  test("is opened by nodes that start together on an empty database", async () => {
    await database("fresh", "ENCODING 'UTF8'");
    const providers = Array.from(
      { length: 8 },
      () => postgresStorage(options({ database: "fresh" })),
    );
    const storages = await Promise.all(providers.map((provider) => provider.open()));
    await Promise.all(storages.map((storage) => storage.write([row("a", 1)])));
    await Promise.all(storages.map((storage) => storage.close()));
  });

  test("serves a user who may use the tables and not make any", async () => {
    await (await postgresStorage(options()).open()).close();
    await server!.admin("althing", (sql) =>
      sql.unsafe(`
        CREATE ROLE guest LOGIN PASSWORD 'guest';
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        GRANT SELECT, INSERT, UPDATE, DELETE ON althing_rows, althing_metas TO guest;
        GRANT SELECT ON althing_schema TO guest;
      `));
    const guest = { user: "guest", password: "guest" };
    await using storage = await postgresStorage(options(guest)).open();
    await storage.write([row("a", 1)]);
    assert.equal(await textOf(storage), "a=1");
  });

  test("reads many rows page by page without reading the rest of them each time", async () => {
    await database("pages", "ENCODING 'UTF8'");
    const storage = await postgresStorage(options({ database: "pages" })).open();
    const rows = Array.from({ length: 20_000 }, (_, i) => row(`key-${i}`, i));
    await storage.write(rows);
    const writtenTo = await indexEntriesRead("pages");
    let count = 0;
    for await (const _ of storage.load()) count++;
    assert.equal(count, rows.length);
    await storage.close();
    const read = await eventually("the server has counted", async () => {
      const now = await indexEntriesRead("pages");
      return now >= writtenTo + rows.length ? now - writtenTo : undefined;
    });
    assert.ok(read < 2 * rows.length, `${read} index entries for ${rows.length} rows`);
  });

  test("says what is wrong with user, database, rights and host", async () => {
    await refuses(options({ password: "wrong" }), "refused", /SQLSTATE 28P01/);
    await refuses(options({ database: "none" }), "refused", /"none" does not exist/);
    await refuses(
      options({ port: 1, retryForMs: 200 }),
      "unreachable",
      /check that the server runs/,
    );
    assert.throws(
      () => postgresStorage(options({ sslMode: "on" })),
      (error) => ClusterError.is(error, "bad-config"),
    );
  });

  test("does not spin at a port that hangs up", async () => {
    let accepted = 0;
    const closer = createServer((socket) => {
      accepted++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => closer.listen(0, "127.0.0.1", resolve));
    const { port } = closer.address() as { readonly port: number };
    for (const sslMode of ["disable", "require"]) {
      await refuses(options({ port, sslMode, retryForMs: 500 }), "unreachable", /storage/);
    }
    assert.ok(accepted >= 2 && accepted < 20, `${accepted} connections in a second`);
    await new Promise((resolve) => closer.close(resolve));
  });

  test("keeps secrets out of its errors", async () => {
    const chosen = options();
    await using storage = await postgresStorage(chosen).open();
    await server!.admin(
      "althing",
      (sql) =>
        sql.unsafe("ALTER TABLE althing_rows ADD CONSTRAINT none CHECK (key <> 'forbidden')"),
    );
    try {
      const secret = new TextEncoder().encode("sk-secret");
      await assert.rejects(
        storage.write([{ type: "t", key: "forbidden", bytes: secret }]),
        (error: Error) => {
          assert.ok(ClusterError.is(error, "refused"));
          const all = `${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause}`;
          assert.doesNotMatch(all, /sk-secret|736b2d736563726574|only for tests/);
          return true;
        },
      );
      await storage.write([row("allowed", 1)]);
    } finally {
      await server!.admin(
        "althing",
        (sql) => sql.unsafe("ALTER TABLE althing_rows DROP CONSTRAINT none"),
      );
    }
  });
});

describe("TLS to PostgreSQL", () => {
  const ca = skip === false ? fixture("cluster_ca") : "";
  const foreign = skip === false ? fixture("foreign_ca") : "";

  test("is used as the ssl mode says", async () => {
    assert.equal(await isEncrypted({ sslMode: "disable" }), false);
    for (const sslMode of ["allow", "prefer", "require"]) {
      assert.equal(await isEncrypted({ sslMode }), true, sslMode);
    }
    assert.equal(await isEncrypted({}), true, "the default is prefer");
    for (const sslMode of ["require", "verify-ca", "verify-full"]) {
      assert.equal(await isEncrypted({ sslMode, ca }), true, sslMode);
    }
  });

  test("refuses an authority that is not trusted", async () => {
    for (const sslMode of ["require", "verify-ca", "verify-full"]) {
      const untrusted = options({ sslMode, ca: foreign, retryForMs: 100 });
      await refuses(untrusted, "unreachable", /certificate/);
    }
    const platforms = options({ sslMode: "verify-ca", retryForMs: 100 });
    await refuses(platforms, "unreachable", /certificate/);
  });

  test("checks the host's name only with verify-full", async () => {
    server!.useCertificate("elsewhere");
    await server!.reload();
    try {
      assert.equal(await isEncrypted({ sslMode: "verify-ca", ca }), true);
      const otherHost = options({ sslMode: "verify-full", ca, retryForMs: 100 });
      await refuses(otherHost, "unreachable", /does not match/);
    } finally {
      server!.useCertificate("node");
      await server!.reload();
    }
  });

  test("may be missing with prefer and must not with require", async () => {
    await setting("ssl", "off");
    try {
      assert.equal(await isEncrypted({ sslMode: "prefer" }), false);
      await refuses(options({ sslMode: "require", retryForMs: 100 }), "unreachable", /TLS/);
    } finally {
      await setting("ssl", "on");
    }
  });
});

describe("a PostgreSQL server that goes away", () => {
  test("is waited for by a call under way", async () => {
    await using storage = await postgresStorage(options()).open();
    await storage.write([row("a", 1)]);
    await server!.stop();
    const writing = storage.write([row("a", 2), row("b", 2)]);
    const setting = storage.setMeta("m", new Uint8Array([3]));
    await server!.restart();
    await Promise.all([writing, setting]);
    assert.equal(await textOf(storage), "a=2 b=2");
    assert.deepEqual(await storage.getMeta("m"), new Uint8Array([3]));
  });

  test("for longer than the time given makes calls reject, and works when it is back", async () => {
    await using storage = await postgresStorage(options({ retryForMs: 300 })).open();
    await server!.stop();
    try {
      await assert.rejects(
        storage.write([row("a", 1)]),
        (error) => ClusterError.is(error, "unreachable"),
      );
    } finally {
      await server!.restart();
    }
    await storage.write([row("a", 2)]);
    assert.equal(await textOf(storage), "a=2");
  });

  test("does not hold up closing", async () => {
    const storage = await postgresStorage(options()).open();
    await server!.stop();
    try {
      const writing = storage.write([row("a", 1)]);
      const lost = assert.rejects(writing, (error) => ClusterError.is(error, "unreachable"));
      const started = performance.now();
      await storage.close();
      await lost;
      assert.ok(performance.now() - started < 5_000);
    } finally {
      await server!.restart();
    }
  });

  test("by SIGKILL again and again loses nothing that persistence called stored", async () => {
    const { clock } = await runtimeUnderTest();
    const chosen = options({ retryForMs: 200 });
    const records: LogRecord[] = [];
    const persistence = new Persistence({
      storage: await postgresStorage(chosen).open(),
      clock,
      say: (level, message, fields) => records.push({ level, message, fields: fields ?? {} }),
    });
    let killing = true;
    let stored = 0;
    let newest = 0;
    const writing = (async () => {
      while (killing) {
        const value = ++newest;
        for (const key of ["same", `own-${value}`]) persistence.changed(entry(key, value));
        await persistence.flushed();
        stored = value;
      }
    })();
    for (let round = 1; round <= 3; round++) {
      const before = stored;
      await eventually("some rounds were stored", () => stored > before + 5);
      await server!.kill();
      const reported = stored;
      await server!.restart();
      const found = await rowsOfNode(chosen.nodeId);
      for (let i = 1; i <= reported; i++) {
        assert.ok(found.has(`own-${i}`), `own-${i} was stored before kill ${round}`);
      }
    }
    const after = stored;
    await eventually("persistence goes on", () => stored > after + 5, 30_000);
    killing = false;
    await writing;
    assert.equal(await persistence.close(), true);
    const failed = records.filter(({ level }) => level === "error").length;
    const again = records.filter(({ message }) => message.endsWith("again")).length;
    assert.equal(failed, again, JSON.stringify(records));
    const found = await rowsOfNode(chosen.nodeId);
    assert.equal(found.size, newest + 1);
  });
});

function row(key: string, value: number): { type: string; key: string; bytes: Uint8Array } {
  return { type: "t", key, bytes: new Uint8Array([value & 0xff]) };
}

function entry(key: string, value: number): Parameters<Persistence["changed"]>[0] {
  const version = { wallMs: value, logic: 0, origin: "a", boot: "b" };
  return { ...row(key, value), version, deleted: false };
}

async function textOf(storage: Storage): Promise<string> {
  const found: string[] = [];
  for await (const { key, bytes } of storage.load()) found.push(`${key}=${bytes[0]}`);
  return found.sort().join(" ");
}

/** Keys as they are in the table, read past the lock. */
async function rowsOfNode(nodeId: string): Promise<Set<string>> {
  const rows = await server!.admin("althing", (sql) => {
    return sql<{ key: string }[]>`SELECT key FROM althing_rows WHERE node = ${nodeId}`;
  });
  return new Set(rows.map(({ key }) => key));
}

/** Entries of the rows' index that were read so far, as the server has counted them. */
async function indexEntriesRead(database: string): Promise<number> {
  const [row] = await server!.admin(database, (sql) =>
    sql.unsafe(
      "SELECT idx_tup_read::int AS entries FROM pg_stat_user_indexes WHERE indexrelname = 'althing_rows_pkey'",
    ));
  return Number(row?.["entries"] ?? 0);
}

async function database(name: string, how: string): Promise<void> {
  await server!.admin("postgres", (sql) => {
    return sql.unsafe(`CREATE DATABASE ${name} ${how} LOCALE 'C' TEMPLATE template0`);
  });
}

async function setting(name: string, value: string): Promise<void> {
  await server!.stop();
  await server!.restart({ [name]: value });
}

/** Whether the server sees TLS on a storage opened so. */
async function isEncrypted(changes: Partial<PostgresStorageOptions>): Promise<boolean> {
  await using _storage = await postgresStorage(options(changes)).open();
  const [row] = await server!.admin("althing", (sql) =>
    sql.unsafe(
      "SELECT bool_and(ssl) AS ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) " +
        "WHERE application_name = 'althing'",
    ));
  return row?.["ssl"] === true;
}

function fixture(name: string): string {
  return readFileSync(join(ROOT, "tests/fixtures/tls", `${name}.pem`), "utf8");
}

async function refuses(
  chosen: PostgresStorageOptions,
  code: ClusterErrorCode,
  message: RegExp,
): Promise<void> {
  await assert.rejects(postgresStorage(chosen).open(), (error) => {
    assert.ok(ClusterError.is(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}
