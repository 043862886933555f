/**
 * What a node keeps across restarts: opaque rows by type and key, and a few named values.
 *
 * @module
 */

/** Names one row. Any well-formed text is a valid name, U+0000 and 1,279 bytes of UTF-8 for both included. */
export interface StoredKey {
  /** The entity type. */
  readonly type: string;
  /** The key within its type. */
  readonly key: string;
}

/** One row; the version of what it holds is inside of the bytes, the storage compares nothing. */
export interface StoredRow extends StoredKey {
  /** Opaque. */
  readonly bytes: Uint8Array;
}

/**
 * An open storage. One process at a time has it open.
 *
 * What a promise of `write`, `remove` or `setMeta` has resolved survives the death of this process at any instant
 * (SIGKILL included); what power loss may take is told by each implementation. A call takes effect whole or not at all,
 * also when the process dies in the middle of it. A call that rejects may have taken effect; repeating it is harmless.
 * Calls take effect in the order in which they were made. After `close` all of them reject with `closed`.
 */
export interface Storage extends AsyncDisposable {
  /**
   * Every row, in no order, with bytes that belong to the reader. What is written or removed meanwhile may come or not,
   * with its old or its new bytes; a key that is removed and written again meanwhile may come twice. Holds a few
   * megabytes at most; rejects with `ClusterError` when the storage can't be read.
   */
  load(): AsyncIterable<StoredRow>;
  /**
   * Puts the rows in place of what their keys held; of two rows with one key the later counts. The rows MUST NOT change
   * until it has resolved.
   */
  write(rows: readonly StoredRow[]): Promise<void>;
  /** Removes rows; keys that are not there are fine. */
  remove(keys: readonly StoredKey[]): Promise<void>;
  /** The value last set under this name; `undefined` when there is none. */
  getMeta(name: string): Promise<Uint8Array | undefined>;
  /** Sets a named value. The bytes MUST NOT change until it has resolved. */
  setMeta(name: string, bytes: Uint8Array): Promise<void>;
  /** Lets calls under way finish, then lets go of the storage. Never rejects; harmless twice. */
  close(): Promise<void>;
}

/** A place to keep state, not yet open; making one has no side effect. */
export interface StorageProvider {
  /** For logs and status pages, such as `sqlite`; nothing branches on it. */
  readonly name: string;
  /**
   * Opens the place, and makes it when it is not there. Rejects with `ClusterError`: `refused` while another process or
   * another opener has it; `bad-data` when it holds something else or was written by a newer version; `unsupported`
   * when this runtime lacks what it needs; `unreachable` when it does not answer. Nothing stays open then.
   */
  open(): Promise<Storage>;
}
