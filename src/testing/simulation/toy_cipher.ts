/**
 * A cipher with the shape of AES-GCM and none of its secrecy: deterministic, so that a run replays to the byte, and
 * strict, so that a wrong key, label or bit is refused.
 *
 * @module
 */

import type { CipherFactory } from "../../core/wire/cipher.ts";

const NONCE = 12;
const TAG = 16;

/** Makes ciphers that count their nonces. For simulations only. */
export const toyCipher: CipherFactory = (key) => {
  if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
    throw new RangeError(
      `Cannot make a cipher as keys have 16, 24 or 32 bytes: current value is ${key.length}`,
    );
  }
  let nonces = 0;
  return {
    seal(plain, aad) {
      const sealed = new Uint8Array(NONCE + plain.length + TAG);
      new DataView(sealed.buffer).setUint32(8, ++nonces);
      const nonce = sealed.subarray(0, NONCE);
      mask(plain, sealed.subarray(NONCE, NONCE + plain.length), key, nonce);
      sealed.set(tag(key, nonce, aad, plain), NONCE + plain.length);
      return sealed;
    },
    open(sealed, aad) {
      const length = sealed.length - NONCE - TAG;
      if (length < 0) return undefined;
      const nonce = sealed.subarray(0, NONCE);
      const plain = new Uint8Array(length);
      mask(sealed.subarray(NONCE, NONCE + length), plain, key, nonce);
      const expected = tag(key, nonce, aad, plain);
      for (let i = 0; i < TAG; i++) {
        if (expected[i] !== sealed[NONCE + length + i]) return undefined;
      }
      return plain;
    },
  };
};

function mask(from: Uint8Array, to: Uint8Array, key: Uint8Array, nonce: Uint8Array): void {
  for (let i = 0; i < from.length; i++) {
    to[i] = (from[i] as number) ^ (key[i % key.length] as number) ^ (nonce[i % NONCE] as number) ^
      (i & 0xff);
  }
}

function tag(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array {
  const hash = new Uint32Array([1, 2, 3, 4]);
  let at = 0;
  for (const part of [key, nonce, aad, plain]) {
    for (let i = 0; i < part.length; i++, at++) {
      const lane = at & 3;
      hash[lane] = Math.imul((hash[lane] as number) ^ (part[i] as number), 0x01000193) + at;
    }
    at += 5;
  }
  return new Uint8Array(hash.buffer);
}
