/**
 * Checks and stamps what the application writes.
 *
 * @module
 */

import { laterStamp, nextStamp, type Stamp, type Version } from "../hlc.ts";
import type { WallMillis } from "../machine.ts";
import type { ReplicationConfig } from "./config.ts";
import type { ReplicationResult } from "./contract.ts";
import {
  type EntryCodec,
  type EntryWrite,
  KEY_BYTES_MAX,
  type StoredEntry,
  TYPE_BYTES_MAX,
} from "./entry.ts";
import type { Store } from "./store.ts";
import { utf8Length } from "../wire/utf8.ts";

/** Longest content type in UTF-8 bytes. */
const CONTENT_TYPE_BYTES_MAX = 255;

/** Why a write can't be made; `undefined` when it can. */
export function objectionTo(
  write: EntryWrite,
  valueBytesMax: number,
): ReplicationResult & { readonly ok: false } | undefined {
  const { type, key, value, contentType = "" } = write;
  const named = `Cannot write "${type.slice(0, 64)}/${key.slice(0, 64)}"`;
  if (type === "" || key === "") {
    return { ok: false, code: "bad-data", message: `${named}: type and key must not be empty` };
  }
  if (utf8Length(type) < 0 || utf8Length(key) < 0 || utf8Length(contentType) < 0) {
    return {
      ok: false,
      code: "bad-data",
      message: `${named}: a name holds half of a surrogate pair and has no UTF-8 form`,
    };
  }
  if (write.expiresMs !== undefined && (value === undefined || !isInstant(write.expiresMs))) {
    return {
      ok: false,
      code: "bad-data",
      message: `${named}: expiresMs must be a positive number and come with a value, ` +
        `current value is ${write.expiresMs}`,
    };
  }
  const tooLong = overLimit("the type", utf8Length(type), TYPE_BYTES_MAX) ??
    overLimit("the key", utf8Length(key), KEY_BYTES_MAX) ??
    overLimit("the content type", utf8Length(contentType), CONTENT_TYPE_BYTES_MAX) ??
    overLimit("the value", value?.length ?? 0, valueBytesMax);
  if (tooLong === undefined) return undefined;
  return { ok: false, code: "too-large", message: `${named}: ${tooLong}` };
}

/** One version for all: now, above everything that is replaced. */
export function stampFor(
  writes: readonly EntryWrite[],
  store: Store,
  wallMs: WallMillis,
  { nodeId, bootId }: ReplicationConfig,
): Version {
  let stamp: Stamp = nextStamp(wallMs, undefined);
  for (const { type, key } of writes) {
    const replaced = store.find(type, key)?.entry.version;
    if (replaced !== undefined) stamp = laterStamp(stamp, nextStamp(wallMs, replaced));
  }
  return { wallMs: stamp.wallMs, logic: stamp.logic, origin: nodeId, boot: bootId };
}

/** The entry a write becomes. */
export function entryOf(
  write: EntryWrite,
  version: Version,
  number: number,
  codec: EntryCodec,
): StoredEntry {
  const { type, key, value, contentType = "", schemaVersion = 0, expiresMs } = write;
  const record = { type, key, version, value, contentType, schemaVersion, number };
  const deleted = value === undefined;
  if (expiresMs === undefined) {
    return { type, key, version, deleted, number, bytes: codec.encode(record) };
  }
  const bytes = codec.encode({ ...record, expiresMs });
  return { type, key, version, deleted, number, bytes, expiresMs };
}

function isInstant(ms: number): boolean {
  return ms > 0 && ms < Infinity;
}

function overLimit(what: string, bytes: number, bytesMax: number): string | undefined {
  if (bytes <= bytesMax) return undefined;
  return `${what} has ${bytes} bytes, the limit is ${bytesMax}`;
}
