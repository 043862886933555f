/**
 * Where state is kept: `cluster_config.storage`, else the gateway's own `config_store`.
 *
 * @module
 */

import { type CheckedValues, checkGroup, type EnvLookup } from "./check.ts";
import type { Field, GroupField } from "./field.ts";
import { shown } from "./refuse.ts";
import type { PostgresStorage, StorageConfig } from "./resolved.ts";
import { CONFIG_STORE, POSTGRES } from "./schema.ts";

/** As much of a store as is looked at before it is known to be on. */
const SWITCH: GroupField = {
  ...CONFIG_STORE,
  fields: { enabled: CONFIG_STORE.fields["enabled"] as Field },
};

/**
 * `config_store` is looked at only when `storage` is not set or is PostgreSQL, whose connection only it describes; one
 * of another type stays the gateway's alone, with a notice.
 */
export function resolveStorage(
  values: CheckedValues,
  configStore: unknown,
  env: EnvLookup,
  notices: string[],
): StorageConfig {
  const path = values.textIfGiven("storage.path");
  const type = values.textIfGiven("storage.type") ?? (path === undefined ? undefined : "sqlite");
  if (type !== "sqlite" && path !== undefined) {
    values.refuse("storage.path", `storage of type ${shown(type)} has no path, leave it out`);
  }
  switch (type) {
    case "memory":
      return { type: "memory" };
    case "sqlite":
      if (path === undefined) {
        values.refuse("storage.path", 'storage of type "sqlite" needs it, give the path of a file');
      }
      return { type: "sqlite", path };
    case "postgres":
      return fromConfigStore(configStore, env, []) ?? values.refuse(
        "storage.type",
        'current value is "postgres", but config_store is no enabled postgres store, ' +
          "describe the database there",
      );
    default:
      return fromConfigStore(configStore, env, notices) ?? { type: "memory" };
  }
}

function fromConfigStore(
  raw: unknown,
  env: EnvLookup,
  notices: string[],
): PostgresStorage | undefined {
  if (raw === undefined) return undefined;
  if (!checkGroup(SWITCH, raw, "config_store", env).flag("enabled")) return undefined;
  const store = checkGroup(CONFIG_STORE, raw, "config_store", env);
  const type = store.textIfGiven("type");
  if (type !== "postgres") {
    notices.push(
      "config_store is not of type postgres and stays the gateway's alone, " +
        "cluster state is kept in memory until cluster_config.storage is set",
    );
    return undefined;
  }
  const config = (raw as { readonly config?: unknown }).config;
  const postgres = checkGroup(POSTGRES, config, "config_store.config", env);
  return {
    type: "postgres",
    host: postgres.text("host"),
    port: postgres.number("port"),
    user: postgres.text("user"),
    password: postgres.textIfGiven("password"),
    database: postgres.text("db_name"),
    sslMode: postgres.text("ssl_mode"),
  };
}
