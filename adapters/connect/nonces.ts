/**
 * Nonces that cost nothing to hand out.
 *
 * @module
 */

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import type { Millis } from "../../mod.ts";

const STAMP_BYTES = 8;
const RANDOM_BYTES = 16;
const TAG_BYTES = 16;

/** Bounds of {@linkcode Nonces}. */
export interface NonceLimits {
  /** How long a nonce may be used. */
  readonly ageMsMax: Millis;
  /** Used nonces remembered until they are too old; beyond, nothing is redeemed. */
  readonly usedMax: number;
}

/**
 * Issues and redeems nonces, each good once and for a short time.
 *
 * A nonce carries its age and a tag only this process can make, so that strangers who ask for many fill no memory and
 * push nobody else's out. Only redeemed ones are remembered, and whoever redeems has proven to hold a key.
 */
export class Nonces {
  readonly #secret = randomBytes(32);
  readonly #limits: NonceLimits;
  readonly #now: () => Millis;
  /** Nonce to the time after which it is too old anyway; in order of redemption. */
  readonly #used: Map<string, Millis> = new Map();

  /** `now` is a monotonic clock. */
  constructor(
    limits: NonceLimits = { ageMsMax: 10_000, usedMax: 4096 },
    now: () => Millis = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#now = now;
  }

  /** A fresh nonce for the caller that chose `diallerNonce`: 40 bytes. */
  issue(diallerNonce: Uint8Array): Uint8Array {
    const body = Buffer.alloc(STAMP_BYTES + RANDOM_BYTES);
    body.writeDoubleBE(this.#now());
    randomBytes(RANDOM_BYTES).copy(body, STAMP_BYTES);
    return Buffer.concat([body, this.#tag(body, diallerNonce)]);
  }

  /** Whether `nonce` was issued here to `diallerNonce`, lately, and not redeemed yet. Changes nothing. */
  isFresh(nonce: Uint8Array, diallerNonce: Uint8Array): boolean {
    if (nonce.length !== STAMP_BYTES + RANDOM_BYTES + TAG_BYTES) return false;
    const bytes = Buffer.from(nonce.buffer, nonce.byteOffset, nonce.length);
    const body = bytes.subarray(0, STAMP_BYTES + RANDOM_BYTES);
    const tag = bytes.subarray(STAMP_BYTES + RANDOM_BYTES);
    if (!timingSafeEqual(tag, this.#tag(body, diallerNonce))) return false;
    return this.#now() - body.readDoubleBE() <= this.#limits.ageMsMax &&
      !this.#used.has(bytes.toString("latin1"));
  }

  /** Uses up a fresh nonce; `false` when too many were used lately, or this one was. */
  redeem(nonce: Uint8Array): boolean {
    const now = this.#now();
    for (const [old, until] of this.#used) {
      if (until >= now) break;
      this.#used.delete(old);
    }
    const key = Buffer.from(nonce).toString("latin1");
    if (this.#used.size >= this.#limits.usedMax || this.#used.has(key)) return false;
    this.#used.set(key, now + this.#limits.ageMsMax);
    return true;
  }

  #tag(body: Uint8Array, diallerNonce: Uint8Array): Buffer {
    return createHmac("sha256", this.#secret).update(body).update(diallerNonce).digest()
      .subarray(0, TAG_BYTES);
  }
}
