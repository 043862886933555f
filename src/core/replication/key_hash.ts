/**
 * 64-bit hashes as two signed 32-bit halves, for the digest tree. Good spread, no secrecy: peers are authenticated.
 *
 * @module
 */

import type { Version } from "../hlc.ts";

/** Mixes all bits into all bits (the 32-bit finaliser of MurmurHash3, A. Appleby, public domain). */
export function avalanche(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Hashes a text's UTF-16 code units, starting from `seed`. */
export function hashText(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x9e3779b1);
    h ^= h >>> 15;
  }
  return avalanche(h ^ text.length);
}

/** The half of a key's hash that names its place in the tree first. */
export function hashKeyHigh(type: string, key: string): number {
  return hashText(key, hashText(type, 0x3c6ef372));
}

/** The other half. */
export function hashKeyLow(type: string, key: string): number {
  return hashText(key, hashText(type, 0x1b873593));
}

/** Folds a version into 32 bits, starting from `seed` (one half of the key's hash). */
export function hashVersion(version: Version, seed: number): number {
  const high = Math.floor(version.wallMs / 0x1_0000_0000);
  let h = avalanche(seed ^ (version.wallMs | 0));
  h = avalanche((h + (high << 16)) ^ version.logic);
  return hashText(version.boot, hashText(version.origin, h));
}
