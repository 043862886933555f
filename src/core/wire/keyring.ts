/**
 * The gossip keys of a node (memberlist.md 6.1).
 *
 * @module
 */

import { ClusterError } from "../errors.ts";
import type { Cipher, CipherFactory } from "./cipher.ts";
import type { KeyringView } from "./contract.ts";

interface Entry {
  readonly key: Uint8Array;
  readonly cipher: Cipher;
}

/**
 * An ordered list of keys. The first one, the primary, encrypts; all decrypt, in order. Rotation is: add the new key
 * everywhere, use it everywhere, remove the old one everywhere. An empty ring means that encryption is off.
 *
 * Keys never appear in an error text.
 */
export class Keyring implements KeyringView {
  readonly #factory: CipherFactory;
  #entries: readonly Entry[] = [];
  #ciphers: readonly Cipher[] = [];

  /**
   * Starts with `keys`, `primary` in front, duplicates dropped.
   *
   * Throws `ClusterError` `bad-config` for keys without a primary, `RangeError` for a key that is not of 16, 24 or
   * 32 bytes.
   */
  constructor(factory: CipherFactory, keys: readonly Uint8Array[] = [], primary?: Uint8Array) {
    this.#factory = factory;
    if (primary === undefined || primary.length === 0) {
      if (keys.length === 0) return;
      throw new ClusterError(
        "bad-config",
        `Cannot build a keyring: ${keys.length} keys and no primary, say which one encrypts`,
      );
    }
    this.add(primary);
    for (const key of keys) this.add(key);
  }

  /** How many keys there are. */
  get size(): number {
    return this.#entries.length;
  }

  /** Primary first. */
  ciphers(): readonly Cipher[] {
    return this.#ciphers;
  }

  /** Copies of the keys, primary first. For their owner alone: never log or send them. */
  list(): Uint8Array[] {
    return this.#entries.map((entry) => entry.key.slice());
  }

  /** Appends a key; it decrypts from now on. Nothing happens if it is there. Throws `RangeError` for a wrong size. */
  add(key: Uint8Array): void {
    if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
      throw new RangeError(
        `Cannot add a gossip key: it has ${key.length} bytes, give one of 16, 24 or 32`,
      );
    }
    if (this.#find(key) !== undefined) return;
    const kept = Uint8Array.from(key);
    this.#replace([...this.#entries, { key: kept, cipher: this.#factory(kept) }]);
  }

  /** Makes a key that is there the primary. Throws `ClusterError` `bad-config`, and changes nothing, if it is not. */
  use(key: Uint8Array): void {
    const chosen = this.#find(key);
    if (chosen === undefined) {
      throw new ClusterError(
        "bad-config",
        `Cannot use the gossip key: it is not among the ${this.size} installed, add it first`,
      );
    }
    this.#replace([chosen, ...this.#entries.filter((entry) => entry !== chosen)]);
  }

  /** Removes a key; nothing happens if it is not there. Throws `ClusterError` `bad-config` for the primary. */
  remove(key: Uint8Array): void {
    const found = this.#find(key);
    if (found === undefined) return;
    if (found === this.#entries[0]) {
      throw new ClusterError(
        "bad-config",
        "Cannot remove the gossip key: it is the primary, use another one first",
      );
    }
    this.#replace(this.#entries.filter((entry) => entry !== found));
  }

  #find(key: Uint8Array): Entry | undefined {
    return this.#entries.find((entry) =>
      entry.key.length === key.length && entry.key.every((byte, i) => byte === key[i])
    );
  }

  #replace(entries: readonly Entry[]): void {
    this.#entries = entries;
    this.#ciphers = entries.map((entry) => entry.cipher);
  }
}
