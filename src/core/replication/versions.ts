/**
 * Versions as bytes, for digests: 6 bytes of milliseconds and 2 of logic, both big-endian, then origin and boot, each
 * one length byte and UTF-8.
 *
 * @module
 */

import { type Version, WALL_MS_MAX } from "../hlc.ts";
import { decodeUtf8, utf8Length, writeUtf8 } from "../wire/utf8.ts";

/** Longest node id or boot id in a version, in UTF-8 bytes. */
export const NAME_BYTES_MAX = 255;

const HIGH = 0x1_0000_0000;

/** Encodes a version whose names are well-formed and at most {@linkcode NAME_BYTES_MAX} long. */
export function encodeVersion(version: Version): Uint8Array {
  const originBytes = utf8Length(version.origin);
  const bootBytes = utf8Length(version.boot);
  const bytes = new Uint8Array(10 + originBytes + bootBytes);
  const high = Math.floor(version.wallMs / HIGH);
  const low = version.wallMs >>> 0;
  bytes[0] = high >>> 8;
  bytes[1] = high;
  bytes[2] = low >>> 24;
  bytes[3] = low >>> 16;
  bytes[4] = low >>> 8;
  bytes[5] = low;
  bytes[6] = version.logic >>> 8;
  bytes[7] = version.logic;
  bytes[8] = originBytes;
  const at = writeUtf8(version.origin, bytes, 9);
  bytes[at] = bootBytes;
  writeUtf8(version.boot, bytes, at + 1);
  return bytes;
}

/** Decodes what {@linkcode encodeVersion} wrote; `undefined` for anything else. */
export function decodeVersion(bytes: Uint8Array): Version | undefined {
  if (bytes.length < 10) return undefined;
  const originEnd = 9 + (bytes[8] as number);
  if (bytes.length <= originEnd) return undefined;
  if (bytes.length !== originEnd + 1 + (bytes[originEnd] as number)) return undefined;
  const origin = decodeUtf8(bytes, 9, originEnd);
  const boot = decodeUtf8(bytes, originEnd + 1, bytes.length);
  if (origin === undefined || boot === undefined) return undefined;
  const at = (index: number) => bytes[index] as number;
  const high = at(0) * 0x100 + at(1);
  const low = ((at(2) << 24) | (at(3) << 16) | (at(4) << 8) | at(5)) >>> 0;
  return { wallMs: high * HIGH + low, logic: at(6) * 0x100 + at(7), origin, boot };
}

/** Whether a text has a UTF-8 form of at most `bytesMax` bytes. */
export function fitsUtf8(text: string, bytesMax: number): boolean {
  const bytes = utf8Length(text);
  return bytes >= 0 && bytes <= bytesMax;
}

/** Whether a version from outside may be kept: whole numbers in range, names within bounds. */
export function isPlausibleVersion(version: Version): boolean {
  return Number.isInteger(version.wallMs) && version.wallMs >= 0 && version.wallMs <= WALL_MS_MAX &&
    Number.isInteger(version.logic) && version.logic >= 0 && version.logic <= 0xffff &&
    version.origin !== "" && fitsUtf8(version.origin, NAME_BYTES_MAX) &&
    fitsUtf8(version.boot, NAME_BYTES_MAX);
}
