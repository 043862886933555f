/**
 * Replicated entities as applications use them: JSON values by type and key.
 *
 * @module
 */

import type { Version } from "../core/hlc.ts";
import type { EntryCodec, EntryWrite, StoredEntry } from "../core/replication/entry.ts";

/** A change of one entity, as it was applied here. */
export interface EntityChange<T = unknown> {
  /** The entity type. */
  readonly type: string;
  /** Unique within the type. */
  readonly key: string;
  /** The new value; `undefined` when it was deleted. */
  readonly value: T | undefined;
  /** The value before; `undefined` when there was none. */
  readonly old: T | undefined;
  /** The stamp of the write. */
  readonly version: Version;
  /** Written on this node. */
  readonly local: boolean;
}

/** A stored entity. */
export interface Entity<T = unknown> {
  /** Unique within the type. */
  readonly key: string;
  /** The JSON value. */
  readonly value: T;
  /** The stamp of the write. */
  readonly version: Version;
}

/** The entities of one type. Values are JSON data; reads are local and synchronous. */
export interface Entities<T = unknown> {
  /** The value, or `undefined`. */
  get(key: string): T | undefined;
  /** The value with its version. */
  entity(key: string): Entity<T> | undefined;
  /** All of them, in the order in which this node first saw the keys. */
  list(): readonly Entity<T>[];
  /** How many there are. */
  readonly size: number;
  /** Writes here and lets the cluster know; throws `ClusterError` `too-large` and nothing was written. */
  set(key: string, value: T): Version;
  /** Deletes here and everywhere; harmless when there is none. */
  delete(key: string): Version;
}

/** What the entities stand on. */
export interface EntityBase {
  readonly codec: EntryCodec;
  find(type: string, key: string): StoredEntry | undefined;
  list(type: string): Iterable<StoredEntry>;
  count(type: string): number;
  write(writes: readonly EntryWrite[]): Version;
}

/** How JSON values are marked. */
const JSON_CONTENT = "application/json";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The entities of `type` over `base`. */
export function entitiesOf<T>(type: string, base: EntityBase): Entities<T> {
  const read = (entry: StoredEntry | undefined): Entity<T> | undefined => {
    if (entry === undefined || entry.deleted) return undefined;
    const value = valueOf(entry, base.codec);
    return value === undefined
      ? undefined
      : { key: entry.key, value: value as T, version: entry.version };
  };
  return {
    get: (key) => read(base.find(type, key))?.value,
    entity: (key) => read(base.find(type, key)),
    list: () => [...base.list(type)].map(read).filter((entity) => entity !== undefined),
    get size() {
      return base.count(type);
    },
    set(key, value) {
      const text = JSON.stringify(value);
      if (text === undefined) {
        throw new TypeError(
          `Cannot write ${type}/${key}: the value is not JSON data, delete() removes`,
        );
      }
      return base.write([{ type, key, value: encoder.encode(text), contentType: JSON_CONTENT }]);
    },
    delete: (key) => base.write([{ type, key, value: undefined }]),
  };
}

/** The JSON value of an entry; `undefined` for a tombstone and for values that are not JSON. */
export function valueOf(entry: StoredEntry, codec: EntryCodec): unknown {
  const value = codec.decode(entry.bytes)?.value;
  if (value === undefined) return undefined;
  try {
    return JSON.parse(decoder.decode(value));
  } catch {
    return undefined;
  }
}

/** What a replication event means to applications. */
export function entityChange(
  entry: StoredEntry,
  old: StoredEntry | undefined,
  local: boolean,
  codec: EntryCodec,
): EntityChange {
  return {
    type: entry.type,
    key: entry.key,
    value: valueOf(entry, codec),
    old: old === undefined ? undefined : valueOf(old, codec),
    version: entry.version,
    local,
  };
}
