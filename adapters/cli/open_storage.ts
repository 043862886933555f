import type { ResolvedConfig, StorageProvider } from "../../mod.ts";

/** The storage that the configuration asks for; only its own adapter is loaded. */
export async function openStorage(config: ResolvedConfig): Promise<StorageProvider | undefined> {
  const { storage, nodeId } = config;
  switch (storage.type) {
    case "memory":
      return undefined;
    case "sqlite": {
      const { sqliteStorage } = await import("../storage_sqlite/sqlite_storage.ts");
      return sqliteStorage({ path: storage.path });
    }
    case "postgres": {
      const { postgresStorage } = await import("../storage_postgres/postgres_storage.ts");
      const { host, port, user, password, database, sslMode } = storage;
      return postgresStorage({
        host,
        port,
        user,
        database,
        sslMode,
        nodeId,
        ...(password === undefined ? {} : { password }),
      });
    }
  }
}
