/**
 * What stands in front of an encrypted stream message, and what is authenticated (memberlist.md 2.2).
 *
 * @module
 */

import { MessageType } from "./messages.ts";

/** Type byte and length. */
export const ENCRYPTION_PREFIX_BYTES = 5;

/** Type byte and length of a payload of `payloadBytes`. */
export function encryptionPrefix(payloadBytes: number): Uint8Array {
  return Uint8Array.of(
    MessageType.encrypt,
    payloadBytes >>> 24,
    (payloadBytes >>> 16) & 255,
    (payloadBytes >>> 8) & 255,
    payloadBytes & 255,
  );
}

/** The prefix followed by the label: other than in packets, where the label stands alone. */
export function streamAad(prefix: Uint8Array, label: Uint8Array): Uint8Array {
  const aad = new Uint8Array(prefix.length + label.length);
  aad.set(prefix);
  aad.set(label, prefix.length);
  return aad;
}
