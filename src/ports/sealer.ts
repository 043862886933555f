/** @module */

import type { Cipher, Crc32 } from "../core/wire/cipher.ts";

/** Synchronous cryptography for the gossip wire. */
export interface Sealer {
  /**
   * Prepares AES-GCM with a key of 16, 24 or 32 bytes; throws `RangeError` for any other length.
   * All three sizes MUST work on every runtime.
   */
  aesGcm(key: Uint8Array): Cipher;
  /** CRC-32 as in zlib. */
  readonly crc32: Crc32;
}
