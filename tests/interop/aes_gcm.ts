/**
 * AES-GCM for tests, with a nonce one can choose: what a peer sealed can then be sealed again to the same bytes.
 *
 * @module
 */

import { gcm } from "@noble/ciphers/aes.js";
import { createCipheriv, createDecipheriv, getCiphers, randomBytes } from "node:crypto";
import type { Cipher } from "../../src/core/wire/cipher.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A cipher that draws its nonces from `nonce`; by default they are random. */
export function aesGcm(
  key: Uint8Array,
  nonce: () => Uint8Array = () => new Uint8Array(randomBytes(NONCE_BYTES)),
): Cipher {
  if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
    throw new RangeError(`Cannot make a cipher: a key of ${key.length} bytes, give 16, 24 or 32`);
  }
  const name = `aes-${key.length * 8}-gcm` as "aes-128-gcm";
  // Deno has no 192 bits in node:crypto.
  return getCiphers().includes(name) ? native(name, key, nonce) : portable(key, nonce);
}

function native(name: "aes-128-gcm", key: Uint8Array, nonce: () => Uint8Array): Cipher {
  return {
    seal(plain, aad) {
      const fresh = nonce();
      const cipher = createCipheriv(name, key, fresh);
      cipher.setAAD(aad);
      const body = cipher.update(plain);
      return concat([fresh, body, cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, aad) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
      const tagAt = sealed.length - TAG_BYTES;
      try {
        const decipher = createDecipheriv(name, key, sealed.slice(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAAD(aad);
        decipher.setAuthTag(sealed.slice(tagAt));
        return concat([decipher.update(sealed.slice(NONCE_BYTES, tagAt)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}

function portable(key: Uint8Array, nonce: () => Uint8Array): Cipher {
  return {
    seal(plain, aad) {
      const fresh = nonce();
      return concat([fresh, gcm(key, fresh, aad).encrypt(plain)]);
    },
    open(sealed, aad) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
      try {
        return gcm(key, sealed.slice(0, NONCE_BYTES), aad).decrypt(sealed.slice(NONCE_BYTES));
      } catch {
        return undefined;
      }
    },
  };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
