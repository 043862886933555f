/**
 * AES-GCM as the wire needs it: synchronous, so that packets keep their order.
 *
 * @module
 */

/** One AES key, ready for use. Implementations keep the key material to themselves. */
export interface Cipher {
  /**
   * Encrypts: the result is `nonce (12, fresh and random) · ciphertext · tag (16)`.
   * MUST draw the nonce from a cryptographic source (a simulator may count).
   */
  seal(plain: Uint8Array, aad: Uint8Array): Uint8Array;
  /** Decrypts what `seal` made; `undefined` when it does not authenticate or is too short. MUST NOT throw. */
  open(sealed: Uint8Array, aad: Uint8Array): Uint8Array | undefined;
}

/** Makes a {@linkcode Cipher} of a key of 16, 24 or 32 bytes; throws `RangeError` for any other length. */
export type CipherFactory = (key: Uint8Array) => Cipher;

/** CRC-32 (IEEE, reflected, as in zlib) of `bytes`, unsigned. */
export type Crc32 = (bytes: Uint8Array) => number;
