/**
 * Entries as the machine sees them: their head, and bytes it never rewrites.
 *
 * @module
 */

import type { Version } from "../hlc.ts";
import type { WallMillis } from "../machine.ts";

/** All of an entry, decoded. */
export interface EntryRecord {
  readonly type: string;
  readonly key: string;
  readonly version: Version;
  /** Opaque; `undefined` for a tombstone. */
  readonly value: Uint8Array | undefined;
  /** How to read the value, for example `application/json`. */
  readonly contentType: string;
  /** Version of the application's schema for this type. */
  readonly schemaVersion: number;
  /** From this instant of cluster time on it reads as absent; left out: never. */
  readonly expiresMs?: WallMillis;
  /** Counts the writes of the boot in `version`; left out: not numbered. */
  readonly number?: number;
}

/** An entry as it is kept and sent on: what the machine must know, and the bytes as they came. Immutable. */
export interface StoredEntry {
  readonly type: string;
  readonly key: string;
  readonly version: Version;
  /** A tombstone. */
  readonly deleted: boolean;
  /** When a value expires, in cluster time; left out: never. Without meaning on a tombstone and absent there. */
  readonly expiresMs?: WallMillis;
  /** Counts the writes of the boot in `version`; left out: not numbered. */
  readonly number?: number;
  /** The encoded entry, unknown fields included; owned by the entry. */
  readonly bytes: Uint8Array;
}

/** Entries to bytes and back; passed in, so that the core knows no wire format. Pure; MUST NOT throw on any bytes. */
export interface EntryCodec {
  /** Encodes a record. */
  encode(record: EntryRecord): Uint8Array;
  /** Reads what the machine must know; `undefined` when the bytes are no entry. Keeps `bytes` itself, uncopied. */
  head(bytes: Uint8Array): StoredEntry | undefined;
  /** Reads everything; `undefined` when the bytes are no entry. `value` is a view of `bytes`. */
  decode(bytes: Uint8Array): EntryRecord | undefined;
  /** The value alone, a view of `bytes`; `undefined` for a tombstone and for what does not read. */
  valueOf(bytes: Uint8Array): Uint8Array | undefined;
  /** The same entry under another version and number, unknown fields kept; `undefined` when the bytes are no entry. */
  restamp(bytes: Uint8Array, version: Version, number?: number): Uint8Array | undefined;
}

/** What an application asks to have written; the machine stamps it. */
export interface EntryWrite {
  readonly type: string;
  readonly key: string;
  /** `undefined` deletes. */
  readonly value: Uint8Array | undefined;
  /** @default {""} */
  readonly contentType?: string;
  /** @default {0} */
  readonly schemaVersion?: number;
  /** From this instant of cluster time on the entry reads as absent everywhere; for values only. @default {never} */
  readonly expiresMs?: WallMillis;
}

/** How long an expired value is kept, so that nodes whose clocks differ a little agree on what it replaced. */
export const EXPIRED_GRACE_MS = 60_000;

/** Longest type name in UTF-8 bytes. */
export const TYPE_BYTES_MAX = 255;

/** Longest key in UTF-8 bytes. */
export const KEY_BYTES_MAX = 1024;

/** What an encoded entry may weigh beyond its value: names, stamp, and fields of versions to come. */
export const ENTRY_OVERHEAD_BYTES_MAX = 8192;
