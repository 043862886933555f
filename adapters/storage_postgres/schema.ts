/**
 * The tables of a PostgreSQL storage and their version.
 *
 * @module
 */

import { ClusterError } from "../../mod.ts";
import type { Session } from "./session.ts";

/** What this code reads and writes. */
const SCHEMA_VERSION = 1;

/** One implicit transaction; nodes that start together make the tables one after the other. */
const TABLES = `
  SELECT pg_advisory_xact_lock(hashtextextended('althing tables ' || current_schema(), 0));
  CREATE TABLE IF NOT EXISTS althing_schema (version integer NOT NULL);
  INSERT INTO althing_schema SELECT ${SCHEMA_VERSION}
    WHERE NOT EXISTS (SELECT FROM althing_schema);
  CREATE TABLE IF NOT EXISTS althing_rows (
    node text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (node, type, key)
  );
  CREATE TABLE IF NOT EXISTS althing_metas (
    node text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (node, name)
  );
`;

/** Rejects with `ClusterError` `bad-data` unless the database holds every text there is. */
export async function checkEncoding(session: Session, place: string): Promise<void> {
  const [row] = await session.query("SELECT current_setting('server_encoding') AS encoding", []);
  const encoding = String(row?.["encoding"]);
  if (encoding === "UTF8") return;
  throw new ClusterError(
    "bad-data",
    `Cannot open the PostgreSQL storage ${place}: the database's encoding is ${encoding}, ` +
      "use one that was created with ENCODING 'UTF8'",
  );
}

/** Makes the tables where they are missing; rejects with `ClusterError` `bad-data` when they are of a newer version. */
export async function ensureTables(session: Session, place: string): Promise<void> {
  // A user who may not create tables can use those that are there.
  const [found] = await session.query(
    "SELECT to_regclass('althing_schema') IS NOT NULL AS there",
    [],
  );
  if (found?.["there"] !== true) await session.script(TABLES);
  const [row] = await session.query("SELECT version FROM althing_schema", []);
  if (row?.["version"] === SCHEMA_VERSION) return;
  throw new ClusterError(
    "bad-data",
    `Cannot open the PostgreSQL storage ${place}: its tables have version ${row?.["version"]}, ` +
      `this release knows ${SCHEMA_VERSION}, run the release that wrote them`,
  );
}
