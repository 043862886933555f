/**
 * State in a PostgreSQL database, by the optional peer `postgres`. All nodes may use one database.
 *
 * ```ts
 * import { postgresStorage } from "@althing/cluster/storage-postgres";
 *
 * const provider = postgresStorage({
 *   host: "127.0.0.1",
 *   user: "gateway",
 *   database: "gateway",
 *   nodeId: "gw-1",
 * });
 * console.log(provider.name); // opens nothing yet
 * ```
 *
 * What has resolved is as durable as the server's `synchronous_commit` says: with `on`, the default, it survives every
 * death of this process and of the server. A pooler in between must keep sessions (PgBouncer: `pool_mode = session`),
 * because a lock of the session keeps a second process with the same node id out.
 *
 * @module
 */

import { ClusterError, type Storage, type StorageProvider } from "../../mod.ts";
import { OpenPostgresStorage } from "./open_storage.ts";
import { type PostgresStorageOptions, resolvePostgres } from "./options.ts";
import { Sessions } from "./sessions.ts";

export type { PostgresStorageOptions };

/** Keeps state in PostgreSQL; throws `ClusterError` `bad-config` for an unknown `sslMode`. */
export function postgresStorage(options: PostgresStorageOptions): StorageProvider {
  const resolved = resolvePostgres(options);
  return {
    name: "postgres",
    async open(): Promise<Storage> {
      const sessions = new Sessions(resolved);
      try {
        await sessions.run("open", () => Promise.resolve());
        return new OpenPostgresStorage(sessions, resolved.nodeId);
      } catch (error) {
        await sessions.end();
        throw ClusterError.is(error) ? error : sessions.explained("open", error);
      }
    },
  };
}
