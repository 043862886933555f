/**
 * Entries as protobuf (`proto/cluster/v1/entry.proto`).
 *
 * Written by hand, byte for byte what the generated code writes (a test holds the two together): this runs for every
 * entry and every peer, and reading only the head without touching the value is several times faster.
 *
 * @module
 */

import type { Version } from "../core/hlc.ts";
import type { EntryCodec, EntryRecord, StoredEntry } from "../core/replication/entry.ts";
import { loneSurrogate, utf8Length, writeUtf8 } from "../core/wire/utf8.ts";
import { RepeatedText } from "./repeated_text.ts";
import { WireReader } from "./wire_reader.ts";

const NO_BYTES = new Uint8Array(0);

/** Tag bytes: field number and wire type. */
const TYPE = 0x0a;
const KEY = 0x12;
const VERSION = 0x1a;
const VALUE = 0x22;
const CONTENT_TYPE = 0x2a;
const SCHEMA_VERSION = 0x30;
const EXPIRES_MS = 0x39;
const NUMBER = 0x40;
const WALL_MS = 0x09;
const LOGIC = 0x10;
const ORIGIN = 0x1a;
const BOOT = 0x22;

/** The {@linkcode EntryCodec} of the wire and of stored files. */
export const entryCodec: EntryCodec = { encode, head, decode, valueOf, restamp };

/** Entries of one batch mostly have these in common, and a store of them holds each text once instead of a copy each. */
const LAST = {
  type: new RepeatedText(),
  contentType: new RepeatedText(),
  origin: new RepeatedText(),
  boot: new RepeatedText(),
};

interface Fields {
  type: string;
  key: string;
  version: Version | undefined;
  value: Uint8Array | undefined;
  contentType: string;
  schemaVersion: number;
  expiresMs: number;
  number: number;
}

function encode(record: EntryRecord): Uint8Array {
  const { type, key, value, contentType, schemaVersion, expiresMs = 0, number = 0 } = record;
  const version = encodeVersionField(record.version);
  const bytes = new Uint8Array(
    sizeOfText(type) + sizeOfText(key) + version.length +
      (value === undefined ? 0 : 1 + sizeOfVarint(value.length) + value.length) +
      sizeOfText(contentType) + (schemaVersion === 0 ? 0 : 1 + sizeOfVarint(schemaVersion)) +
      (expiresMs === 0 ? 0 : 9) + (number === 0 ? 0 : 1 + sizeOfVarint(number)),
  );
  let at = writeText(bytes, 0, TYPE, type);
  at = writeText(bytes, at, KEY, key);
  bytes.set(version, at);
  at += version.length;
  if (value !== undefined) {
    bytes[at] = VALUE;
    at = writeVarint(bytes, at + 1, value.length);
    bytes.set(value, at);
    at += value.length;
  }
  at = writeText(bytes, at, CONTENT_TYPE, contentType);
  if (schemaVersion !== 0) {
    bytes[at] = SCHEMA_VERSION;
    at = writeVarint(bytes, at + 1, schemaVersion);
  }
  if (expiresMs !== 0) {
    bytes[at] = EXPIRES_MS;
    new DataView(bytes.buffer).setFloat64(at + 1, expiresMs, true);
    at += 9;
  }
  if (number !== 0) {
    bytes[at] = NUMBER;
    writeVarint(bytes, at + 1, number);
  }
  return bytes;
}

function head(bytes: Uint8Array): StoredEntry | undefined {
  const fields = read(bytes, false);
  if (fields?.version === undefined) return undefined;
  const { type, key, version, value, expiresMs, number } = fields;
  const deleted = value === undefined;
  const entry = { type, key, version, deleted, bytes };
  const numbered = number === 0 ? entry : { ...entry, number };
  return deleted || expiresMs === 0 ? numbered : { ...numbered, expiresMs };
}

function decode(bytes: Uint8Array): EntryRecord | undefined {
  const fields = read(bytes, true);
  if (fields?.version === undefined) return undefined;
  const { type, key, version, value, contentType, schemaVersion, expiresMs, number } = fields;
  const record = { type, key, version, value, contentType, schemaVersion };
  const numbered = number === 0 ? record : { ...record, number };
  return expiresMs === 0 ? numbered : { ...numbered, expiresMs };
}

function valueOf(bytes: Uint8Array): Uint8Array | undefined {
  const reader = new WireReader(bytes);
  let value: Uint8Array | undefined;
  while (!reader.atEnd && !reader.failed) {
    const tag = reader.varint();
    if (tag === VALUE) value = reader.view();
    else reader.skip(tag);
  }
  return reader.failed ? undefined : value;
}

/** Copies every field but version and number, known or not, and puts the new ones behind: order carries no meaning. */
function restamp(bytes: Uint8Array, version: Version, number = 0): Uint8Array | undefined {
  const reader = new WireReader(bytes);
  const kept: Uint8Array[] = [];
  let size = 0;
  while (!reader.atEnd) {
    const from = reader.at;
    const tag = reader.varint();
    reader.skip(tag);
    if (reader.failed) return undefined;
    if (tag === VERSION || tag === NUMBER) continue;
    const field = bytes.subarray(from, reader.at);
    kept.push(field);
    size += field.length;
  }
  const field = encodeVersionField(version);
  const result = new Uint8Array(
    size + field.length + (number === 0 ? 0 : 1 + sizeOfVarint(number)),
  );
  let at = 0;
  for (const part of [...kept, field]) {
    result.set(part, at);
    at += part.length;
  }
  if (number !== 0) {
    result[at] = NUMBER;
    writeVarint(result, at + 1, number);
  }
  return result;
}

function read(bytes: Uint8Array, whole: boolean): Fields | undefined {
  const reader = new WireReader(bytes);
  const fields: Fields = {
    type: "",
    key: "",
    version: undefined,
    value: undefined,
    contentType: "",
    schemaVersion: 0,
    expiresMs: 0,
    number: 0,
  };
  while (!reader.atEnd && !reader.failed) {
    const tag = reader.varint();
    if (tag === TYPE) fields.type = reader.text(LAST.type);
    else if (tag === KEY) fields.key = reader.text();
    else if (tag === VERSION) fields.version = readVersion(reader, fields.version);
    else if (tag === VALUE && whole) fields.value = reader.view();
    else if (tag === VALUE) {
      reader.skip(tag);
      fields.value = NO_BYTES;
    } else if (tag === CONTENT_TYPE) fields.contentType = reader.text(LAST.contentType);
    else if (tag === SCHEMA_VERSION) fields.schemaVersion = reader.varint() >>> 0;
    else if (tag === NUMBER) fields.number = reader.varint();
    else if (tag === EXPIRES_MS) fields.expiresMs = instant(reader.double());
    else reader.skip(tag);
  }
  return reader.failed ? undefined : fields;
}

/** What is no instant means never. */
function instant(ms: number): number {
  return ms > 0 && ms < Infinity ? ms : 0;
}

/** Repeated occurrences of a message field merge, says protobuf. */
function readVersion(reader: WireReader, before: Version | undefined): Version {
  let { wallMs, logic, origin, boot } = before ?? { wallMs: 0, logic: 0, origin: "", boot: "" };
  const outerEnd = reader.enter();
  while (!reader.atEnd && !reader.failed) {
    const tag = reader.varint();
    if (tag === WALL_MS) wallMs = reader.double();
    else if (tag === LOGIC) logic = reader.varint() >>> 0;
    else if (tag === ORIGIN) origin = reader.text(LAST.origin);
    else if (tag === BOOT) boot = reader.text(LAST.boot);
    else reader.skip(tag);
  }
  reader.leave(outerEnd);
  return { wallMs, logic, origin, boot };
}

/** The version of a batch of writes is encoded once. */
let lastVersion: Version | undefined;
let lastVersionField: Uint8Array = NO_BYTES;

function encodeVersionField(version: Version): Uint8Array {
  if (version === lastVersion) return lastVersionField;
  const { wallMs, logic, origin, boot } = version;
  const size = (wallMs === 0 ? 0 : 9) + (logic === 0 ? 0 : 1 + sizeOfVarint(logic)) +
    sizeOfText(origin) + sizeOfText(boot);
  const bytes = new Uint8Array(1 + sizeOfVarint(size) + size);
  bytes[0] = VERSION;
  let at = writeVarint(bytes, 1, size);
  if (wallMs !== 0) {
    bytes[at] = WALL_MS;
    new DataView(bytes.buffer).setFloat64(at + 1, wallMs, true);
    at += 9;
  }
  if (logic !== 0) {
    bytes[at] = LOGIC;
    at = writeVarint(bytes, at + 1, logic);
  }
  at = writeText(bytes, at, ORIGIN, origin);
  writeText(bytes, at, BOOT, boot);
  lastVersion = version;
  lastVersionField = bytes;
  return bytes;
}

function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Bytes of a text field; empty ones are left out, as proto3 wants. */
function sizeOfText(text: string): number {
  if (text === "") return 0;
  const length = utf8Length(text);
  if (length < 0) throw loneSurrogate(text);
  return 1 + sizeOfVarint(length) + length;
}

function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
  bytes[at++] = rest;
  return at;
}

function writeText(bytes: Uint8Array, offset: number, tag: number, text: string): number {
  if (text === "") return offset;
  bytes[offset] = tag;
  const from = writeVarint(bytes, offset + 1, utf8Length(text));
  return writeUtf8(text, bytes, from);
}
