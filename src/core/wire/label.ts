/**
 * The label header: keeps clusters that share a network apart (memberlist.md 1.2, 6.3).
 *
 * @module
 */

import { LABEL_BYTES_MAX } from "./limits.ts";
import { MessageType } from "./messages.ts";
import { encodeUtf8 } from "./utf8.ts";

/** {@linkcode checkLabel}: refused. */
export const LABEL_REFUSED = -1;
/** {@linkcode checkLabel}: the header goes on behind the bytes at hand. */
export const LABEL_MORE = -2;

/** The bytes of a label; throws `RangeError` above 255 of them and `TypeError` for ill-formed text. */
export function labelBytes(label: string): Uint8Array {
  const bytes = encodeUtf8(label);
  if (bytes.length > LABEL_BYTES_MAX) {
    throw new RangeError(
      `Cannot use the label "${label}": it takes ${bytes.length} bytes, at most ${LABEL_BYTES_MAX} fit`,
    );
  }
  return bytes;
}

/** The header that announces `label`; nothing for an empty one. */
export function labelHeader(label: Uint8Array): Uint8Array {
  if (label.length === 0) return new Uint8Array(0);
  const header = new Uint8Array(labelOverhead(label));
  header[0] = MessageType.hasLabel;
  header[1] = label.length;
  header.set(label, 2);
  return header;
}

/** Bytes that the header of `label` takes. */
export function labelOverhead(label: Uint8Array): number {
  return label.length === 0 ? 0 : 2 + label.length;
}

/**
 * Judges what `bytes[0, end)` begin with, by the table of 6.3: `label` is our own, `skip` says that an outer layer
 * took the header off. Answers where the rest begins, `LABEL_REFUSED`, or `LABEL_MORE` (for a packet: refused).
 */
export function checkLabel(
  bytes: Uint8Array,
  end: number,
  label: Uint8Array,
  skip: boolean,
): number {
  if (end === 0) return LABEL_MORE;
  if (bytes[0] !== MessageType.hasLabel) return skip || label.length === 0 ? 0 : LABEL_REFUSED;
  if (skip || label.length === 0) return LABEL_REFUSED;
  if (end === 1) return LABEL_MORE;
  if (bytes[1] !== label.length) return LABEL_REFUSED;
  for (let i = 0; i < label.length; i++) {
    if (2 + i >= end) return LABEL_MORE;
    if (bytes[2 + i] !== label[i]) return LABEL_REFUSED;
  }
  return 2 + label.length;
}
