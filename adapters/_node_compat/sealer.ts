/** @module */

import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomFillSync,
} from "node:crypto";
import { crc32 } from "node:zlib";
import type { Cipher, CipherFactory, Sealer } from "../../mod.ts";

/** Bytes of the nonce in front and of the tag behind. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** One draw from the system feeds this many nonces: on Node a draw costs half as much as the encryption. */
const NONCES_PER_DRAW = 256;

/** What differs between the runtimes. */
export interface NodeSealerOptions {
  /** Keep keys as `KeyObject`: 3 times faster on Node 24, slower on Deno. */
  readonly keyObjects: boolean;
  /** Used for a key size the platform's own AES-GCM does not know. */
  readonly fallback?: CipherFactory;
}

/** Synchronous AES-GCM and CRC-32 of `node:crypto` and `node:zlib`. */
export function nodeSealer(options: NodeSealerOptions): Sealer {
  return {
    aesGcm(key) {
      if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
        throw new RangeError(
          `Cannot prepare AES-GCM: the key has ${key.length} bytes, it must have 16, 24 or 32`,
        );
      }
      const algorithm = `aes-${key.length * 8 as 128 | 192 | 256}-gcm` as const;
      const { fallback } = options;
      if (fallback !== undefined && !isKnown(algorithm, key)) return fallback(key);
      const own = Uint8Array.from(key);
      return nodeCipher(algorithm, options.keyObjects ? createSecretKey(own) : own);
    },
    crc32: (bytes) => crc32(bytes),
  };
}

/** Draws 12-byte nonces, never one twice. */
export function nonceSource(): () => Uint8Array {
  const pool = new Uint8Array(NONCE_BYTES * NONCES_PER_DRAW);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    return pool.subarray(used, used += NONCE_BYTES);
  };
}

function isKnown(algorithm: CipherGCMTypes, key: Uint8Array): boolean {
  try {
    createCipheriv(algorithm, key, new Uint8Array(NONCE_BYTES));
    return true;
  } catch {
    return false;
  }
}

function nodeCipher(algorithm: CipherGCMTypes, key: KeyObject | Uint8Array): Cipher {
  const nextNonce = nonceSource();
  const tagged = { authTagLength: TAG_BYTES };
  return {
    seal(plain, aad) {
      const nonce = nextNonce();
      const cipher = createCipheriv(algorithm, key, nonce, tagged);
      if (aad.length > 0) cipher.setAAD(aad);
      const sealed = new Uint8Array(NONCE_BYTES + plain.length + TAG_BYTES);
      sealed.set(nonce, 0);
      sealed.set(cipher.update(plain), NONCE_BYTES);
      cipher.final();
      sealed.set(cipher.getAuthTag(), NONCE_BYTES + plain.length);
      return sealed;
    },
    open(sealed, aad) {
      const tagAt = sealed.length - TAG_BYTES;
      if (tagAt < NONCE_BYTES) return undefined;
      try {
        const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, NONCE_BYTES), tagged);
        decipher.setAuthTag(sealed.subarray(tagAt));
        if (aad.length > 0) decipher.setAAD(aad);
        const plain = decipher.update(sealed.subarray(NONCE_BYTES, tagAt));
        decipher.final();
        return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
      } catch {
        return undefined;
      }
    },
  };
}
