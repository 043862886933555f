/**
 * A key-value store over the entity type `kv_store`: values that may expire, and writes that insist on what was seen.
 *
 * @module
 */

import { ClusterError } from "../core/errors.ts";
import { compareVersions, type Version } from "../core/hlc.ts";
import type { Millis, WallMillis } from "../core/machine.ts";
import { type Entities, entitiesOf, type Entity, type EntityBase } from "./entities.ts";

const KV_TYPE = "kv_store";

/** Insists on what was seen. */
export interface IfVersion {
  /** Writes only while this is the version held here; `null`: only while there is no value. @default {whatever is held} */
  readonly ifVersion?: Version | null;
}

/** How to set a value. */
export interface KeyValueOptions extends IfVersion {
  /** How long the value lasts, from now on by cluster time; everywhere it reads as absent afterwards. @default {for ever} */
  readonly ttlMs?: Millis;
}

/**
 * Keys with JSON values, read locally and written everywhere. Compare-and-set is optimistic and per key: it compares with
 * what this node holds. Two nodes that compare with the same version within the time a write needs from one to the
 * other, or on two sides of a partition, both succeed, and the write with the later stamp stays, on all nodes the same one.
 */
export interface KeyValues {
  /** The value; `undefined` when there is none or it has expired. */
  get(key: string): unknown;
  /** The value with its version, for `ifVersion`. */
  entry(key: string): Entity | undefined;
  /** Sets a value; throws `ClusterError` `conflict` when `ifVersion` is not what is held, `too-large`, `bad-data`, `closed`. */
  set(key: string, value: unknown, options?: KeyValueOptions): Version;
  /** Deletes; harmless when there is none. Throws `conflict` as `set` does. */
  delete(key: string, options?: IfVersion): Version;
  /** Values whose keys begin with `prefix`, sorted by key. */
  list(prefix?: string): readonly Entity[];
}

/** The key-value store over `base`; `time` is cluster time. */
export function keyValues(base: EntityBase, time: () => WallMillis): KeyValues {
  const entities: Entities = entitiesOf(KV_TYPE, base);
  const insist = (attempt: string, key: string, { ifVersion }: IfVersion): void => {
    if (ifVersion === undefined) return;
    const held = entities.entity(key)?.version;
    const same = held === undefined || ifVersion === null
      ? held === undefined && ifVersion === null
      : compareVersions(held, ifVersion) === 0;
    if (same) return;
    throw new ClusterError(
      "conflict",
      `Cannot ${attempt} ${JSON.stringify(key)}: it has changed, ` +
        `${
          held === undefined ? "there is no value" : `its version is ${text(held)}`
        }, read it again`,
    );
  };
  return {
    get: (key) => entities.get(key),
    entry: (key) => entities.entity(key),
    set: (key, value, options = {}) => {
      const { ttlMs } = options;
      if (ttlMs !== undefined && !(ttlMs > 0 && ttlMs < Infinity)) {
        throw new RangeError(
          `Cannot set ${JSON.stringify(key)} as ttlMs must be a positive number: it is ${ttlMs}`,
        );
      }
      if (value === undefined) {
        throw new TypeError(
          `Cannot set ${JSON.stringify(key)}: the value is not JSON data, delete() removes`,
        );
      }
      insist("set", key, options);
      if (ttlMs === undefined) return entities.set(key, value);
      return entities.write([{ key, value, expiresMs: time() + ttlMs }]);
    },
    delete: (key, options = {}) => {
      insist("delete", key, options);
      return entities.delete(key);
    },
    list: (prefix = "") =>
      entities.list().filter(({ key }) => key.startsWith(prefix))
        .sort((a, b) => a.key < b.key ? -1 : 1),
  };
}

function text({ wallMs, logic, origin }: Version): string {
  return `${wallMs}.${logic} by ${origin}`;
}
