/**
 * The encryption payload: a version byte around what a cipher seals (memberlist.md 1.3).
 *
 * @module
 */

import type { Cipher } from "./cipher.ts";

/** 0 pads to blocks of 16 bytes and is sent at protocol version 1; 1 does not pad. Both are read. */
export type EncryptionVersion = 0 | 1;

const NONCE_AND_TAG_BYTES = 28;
const BLOCK_BYTES = 16;

/** Which form a node of that protocol version sends. */
export function encryptionVersion(protocolVersion: number): EncryptionVersion {
  return protocolVersion === 1 ? 0 : 1;
}

/** Bytes to reserve for the layer; for version 0 with the largest padding. Also the least a payload can have. */
export function encryptionOverhead(version: EncryptionVersion): number {
  return 1 + NONCE_AND_TAG_BYTES + (version === 0 ? BLOCK_BYTES : 0);
}

/** Seals `plain` and writes the payload behind `prefix`, which stays readable. */
export function sealPayload(
  cipher: Cipher,
  version: EncryptionVersion,
  plain: Uint8Array,
  aad: Uint8Array,
  prefix: Uint8Array,
): Uint8Array {
  const sealed = cipher.seal(version === 0 ? pad(plain) : plain, aad);
  const out = new Uint8Array(prefix.length + 1 + sealed.length);
  out.set(prefix);
  out[prefix.length] = version;
  out.set(sealed, prefix.length + 1);
  return out;
}

/** How long the payload for `plainBytes` will be: streams say so in advance, and authenticate it. */
export function sealedBytes(plainBytes: number, version: EncryptionVersion): number {
  const padding = version === 0 ? BLOCK_BYTES - plainBytes % BLOCK_BYTES : 0;
  return 1 + NONCE_AND_TAG_BYTES + plainBytes + padding;
}

/** Opens a payload with the first cipher that fits; `undefined` when none does or the form is wrong. */
export function openPayload(
  ciphers: readonly Cipher[],
  payload: Uint8Array,
  aad: Uint8Array,
): Uint8Array | undefined {
  const version = payload[0];
  if (version !== 0 && version !== 1) return undefined;
  if (payload.length < encryptionOverhead(version)) return undefined;
  const sealed = payload.subarray(1);
  for (const cipher of ciphers) {
    const plain = cipher.open(sealed, aad);
    if (plain !== undefined) return version === 0 ? unpad(plain) : plain;
  }
  return undefined;
}

/** PKCS#7: 1 to 16 bytes, each saying how many they are. */
export function pad(plain: Uint8Array): Uint8Array {
  const padding = BLOCK_BYTES - plain.length % BLOCK_BYTES;
  const padded = new Uint8Array(plain.length + padding);
  padded.set(plain);
  padded.fill(padding, plain.length);
  return padded;
}

/** Takes the padding off; `undefined` for one that {@linkcode pad} never makes (Go crashes on some). */
export function unpad(padded: Uint8Array): Uint8Array | undefined {
  const length = padded.length;
  if (length === 0 || length % BLOCK_BYTES !== 0) return undefined;
  const padding = padded[length - 1] as number;
  if (padding === 0 || padding > BLOCK_BYTES) return undefined;
  for (let i = length - padding; i < length; i++) {
    if (padded[i] !== padding) return undefined;
  }
  return padded.subarray(0, length - padding);
}
