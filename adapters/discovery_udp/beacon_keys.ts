/** @module */

import { hkdfSync } from "node:crypto";

const INFO = "althing beacon key v1";
const KEY_BYTES = 32;
/** As for links: a stranger's datagram costs a bounded number of HMACs. */
const KEYS_MAX = 16;

/** Derives the keys of beacons from the gossip keys, once for each ring. */
export class BeaconKeys {
  readonly #gossipKeys: () => readonly Uint8Array[];
  #ring: readonly Uint8Array[] = [];
  #derived: readonly Uint8Array[] = [];

  /** The ring is asked for again and again: it may be rotated. */
  constructor(gossipKeys: () => readonly Uint8Array[]) {
    this.#gossipKeys = gossipKeys;
  }

  /** The primary one first; empty without gossip keys; at most 16. */
  get all(): readonly Uint8Array[] {
    const ring = this.#gossipKeys().slice(0, KEYS_MAX);
    const isSame = ring.length === this.#ring.length &&
      ring.every((key, i) => sameBytes(key, this.#ring[i]));
    if (!isSame) {
      this.#ring = ring.map((key) => key.slice());
      this.#derived = ring.map(deriveBeaconKey);
    }
    return this.#derived;
  }
}

/** HKDF-SHA256 (RFC 5869) of a gossip key, with an empty salt and the info string `althing beacon key v1`. */
export function deriveBeaconKey(gossipKey: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", gossipKey, "", INFO, KEY_BYTES));
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
