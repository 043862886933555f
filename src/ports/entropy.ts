/** @module */

/** Randomness from the platform's cryptographic source. */
export interface Entropy {
  /** A 32-bit seed for the deterministic dice of the core. */
  seed(): number;
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array;
}
