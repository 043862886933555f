/**
 * Replicated entities as applications use them: JSON values by type and key.
 *
 * @module
 */

import type { Version } from "../core/hlc.ts";
import type { Millis, WallMillis } from "../core/machine.ts";
import type { AwaitLevel, WriteOutcome } from "../core/replication/awaited.ts";
import { AWAIT_TIMEOUT_MS } from "../core/replication/awaits.ts";
import { type StandardSchema, validated } from "./standard_schema.ts";
import { type EntityWatch, Watch, type WatchOptions } from "./watch.ts";
import type { EntryCodec, EntryWrite, StoredEntry } from "../core/replication/entry.ts";

/** A change of one entity, as it was applied here. */
export interface EntityChange<T = unknown> {
  /** The entity type. */
  readonly type: string;
  /** Unique within the type. */
  readonly key: string;
  /** The new value; `undefined` when it was deleted or expired. */
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

/** One write of a batch; without `value` it deletes. */
export interface EntityWrite<T = unknown> {
  /** Unique within the type. */
  readonly key: string;
  /** The new value; absent: delete. */
  readonly value?: T;
  /** From this instant of cluster time on the value reads as absent everywhere. @default {never} */
  readonly expiresMs?: WallMillis;
}

/** How to wait for others after a write. */
export interface AwaitOptions {
  /** How many must have applied it. */
  readonly await: AwaitLevel;
  /** How long to wait for them; at most 600,000. @default {5000} */
  readonly timeoutMs?: Millis;
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
  /**
   * Writes here, lets the cluster know and resolves with every member's answer, once enough have applied it, too few can
   * or the time is over. The write stands whatever they answer. Rejects as `set` throws, and `closed` when the node
   * closes meanwhile.
   */
  set(key: string, value: T, options: AwaitOptions): Promise<WriteOutcome>;
  /** Deletes here and everywhere; harmless when there is none. */
  delete(key: string): Version;
  /** Deletes and waits as `set` does. */
  delete(key: string, options: AwaitOptions): Promise<WriteOutcome>;
  /**
   * Writes all or nothing: one local step, one stamp, one event for watchers of this node. Peers may see the keys
   * apart. Throws as `set` does, and then nothing was written.
   */
  write(writes: readonly EntityWrite<T>[]): Version;
  /** Writes all or nothing and waits as `set` does, until enough members have applied all of it. */
  write(writes: readonly EntityWrite<T>[], options: AwaitOptions): Promise<WriteOutcome>;
  /**
   * Changes as they are applied here, with the old and the new value, several at once when they came at once. Never
   * misses the last state; a slow watcher may miss states between.
   */
  watch(options?: WatchOptions): EntityWatch<T>;
}

/** What the entities stand on. */
export interface EntityBase {
  readonly codec: EntryCodec;
  find(type: string, key: string): StoredEntry | undefined;
  list(type: string): Iterable<StoredEntry>;
  count(type: string): number;
  write(writes: readonly EntryWrite[]): Version;
  writeAwaited(writes: readonly EntryWrite[], options: AwaitOptions): Promise<WriteOutcome>;
  /** Hears every change of every type. */
  changes(listener: (change: EntityChange) => void): () => void;
  /** Aborts when the node is closed: watches end. */
  readonly closed: AbortSignal;
}

/** The levels, for checks. */
export const AWAIT_LEVELS: readonly AwaitLevel[] = ["local", "region", "majority", "all"];

/** The longest that anybody waits for a write. */
export const AWAIT_TIMEOUT_MS_MAX = 600_000;

/** How JSON values are marked. */
const JSON_CONTENT = "application/json";

const NO_BYTES = new Uint8Array(0);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The entities of `type` over `base`; `schema` checks what is written here. */
export function entitiesOf<T>(
  type: string,
  base: EntityBase,
  schema?: StandardSchema<T>,
): Entities<T> {
  const read = (entry: StoredEntry | undefined): Entity<T> | undefined => {
    if (entry === undefined || entry.deleted) return undefined;
    const value = valueOf(entry, base.codec);
    return value === undefined
      ? undefined
      : { key: entry.key, value: value as T, version: entry.version };
  };
  const encoded = ({ key, value, expiresMs }: EntityWrite<T>): EntryWrite => {
    if (value === undefined) return { type, key, value: undefined };
    const checked = schema === undefined ? value : validated(schema, value, `${type}/${key}`);
    const text = JSON.stringify(checked);
    if (text === undefined) {
      throw new TypeError(
        `Cannot write ${type}/${key}: the value is not JSON data, delete() removes`,
      );
    }
    const write = { type, key, value: encoder.encode(text), contentType: JSON_CONTENT };
    return expiresMs === undefined ? write : { ...write, expiresMs };
  };
  function write(writes: readonly EntityWrite<T>[]): Version;
  function write(
    writes: readonly EntityWrite<T>[],
    options: AwaitOptions | undefined,
  ): Promise<WriteOutcome>;
  function write(
    writes: readonly EntityWrite<T>[],
    options?: AwaitOptions,
  ): Version | Promise<WriteOutcome> {
    if (options === undefined) return base.write(writes.map(encoded));
    return awaited(() => writes.map(encoded), base, options);
  }
  const list = (): Entity<T>[] =>
    Array.from(base.list(type), read).filter((entity) => entity !== undefined);
  return Object.freeze({
    get: (key: string) => read(base.find(type, key))?.value,
    entity: (key: string) => read(base.find(type, key)),
    list,
    get size() {
      return base.count(type);
    },
    set: ((key: string, value: T, options?: AwaitOptions) =>
      write([{ key, value }], options)) as Entities<T>["set"],
    delete: ((key: string, options?: AwaitOptions) =>
      write([{ key }], options)) as Entities<T>["delete"],
    write,
    watch: ({ signal, initial = false }: WatchOptions = {}) =>
      new Watch<T>(
        (listener) =>
          base.changes((change) => {
            if (change.type === type) {
              listener(change as EntityChange<T>);
            }
          }),
        initial ? list().map((entity) => ({ ...entity, type, old: undefined, local: false })) : [],
        signal === undefined ? base.closed : AbortSignal.any([signal, base.closed]),
      ),
  });
}

/** Writes and waits; what `set` would throw, this rejects with. */
async function awaited(
  writes: () => EntryWrite[],
  base: EntityBase,
  options: AwaitOptions,
): Promise<WriteOutcome> {
  const { await: level, timeoutMs = AWAIT_TIMEOUT_MS } = options;
  if (!AWAIT_LEVELS.includes(level) || !(timeoutMs > 0 && timeoutMs <= AWAIT_TIMEOUT_MS_MAX)) {
    throw new RangeError(
      `Cannot await a write: await must be one of ${
        AWAIT_LEVELS.join(", ")
      } and timeoutMs at most ` +
        `${AWAIT_TIMEOUT_MS_MAX}, current values are "${level}" and ${timeoutMs}`,
    );
  }
  return await base.writeAwaited(writes(), options);
}

/** The JSON value of an entry; `undefined` for a tombstone and for values that are not JSON. */
export function valueOf(entry: StoredEntry, codec: EntryCodec): unknown {
  const value = codec.valueOf(entry.bytes);
  if (value === undefined) return undefined;
  try {
    return JSON.parse(decoder.decode(value));
  } catch {
    return undefined;
  }
}

/** What a replication event means to applications; values are decoded when somebody looks at them. */
export function entityChange(
  entry: StoredEntry,
  old: StoredEntry | undefined,
  local: boolean,
  codec: EntryCodec,
): EntityChange {
  return new DecodedLater(entry, old, local, codec);
}

/** What it means to applications that a value expired. */
export function entityExpired(entry: StoredEntry, codec: EntryCodec): EntityChange {
  const { type, key, version } = entry;
  const gone: StoredEntry = { type, key, version, deleted: true, bytes: NO_BYTES };
  return new DecodedLater(gone, entry, false, codec);
}

class DecodedLater implements EntityChange {
  readonly type: string;
  readonly key: string;
  readonly version: Version;
  readonly local: boolean;
  readonly #entry: StoredEntry;
  readonly #old: StoredEntry | undefined;
  readonly #codec: EntryCodec;

  constructor(entry: StoredEntry, old: StoredEntry | undefined, local: boolean, codec: EntryCodec) {
    this.type = entry.type;
    this.key = entry.key;
    this.version = entry.version;
    this.local = local;
    this.#entry = entry;
    this.#old = old;
    this.#codec = codec;
  }

  get value(): unknown {
    return valueOf(this.#entry, this.#codec);
  }

  get old(): unknown {
    return this.#old === undefined ? undefined : valueOf(this.#old, this.#codec);
  }
}
