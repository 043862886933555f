/**
 * Names and arrays as PostgreSQL reads them in text.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** A text column holds everything but U+0000: that is written `\0`, and `\` as `\\`. */
export function escapeName(name: string): string {
  return name.replace(/[\\\0]/g, (c) => c === "\\" ? "\\\\" : "\\0");
}

/** The reverse of {@linkcode escapeName}. */
export function unescapeName(text: string): string {
  return text.replace(/\\(.)/g, (_, c) => c === "0" ? "\0" : "\\");
}

/** The literal of a `text[]`. */
export function textArray(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

/** The literal of a `bytea[]`. */
export function byteaArray(values: readonly Uint8Array[]): string {
  return `{${values.map((bytes) => `"\\\\x${hexOf(bytes)}"`).join(",")}}`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
