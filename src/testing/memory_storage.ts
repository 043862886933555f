/** @module */

import { ClusterError } from "../core/errors.ts";
import type { Storage, StorageProvider, StoredKey, StoredRow } from "../ports/storage.ts";

/** A storage that outlives its openers but not the process. */
export interface MemoryStorage extends StorageProvider {
  /** What the opener of a real storage does by being killed: the place is free, and its calls reach it no more. */
  kill(): void;
}

/** Makes an empty one; every `open` sees what was stored before. */
export function memoryStorage(): MemoryStorage {
  const place = new Place();
  return {
    name: "memory",
    open(): Promise<Storage> {
      if (place.holder !== undefined) {
        const message = "Cannot open the memory storage: it is open already, close it first";
        return Promise.reject(new ClusterError("refused", message));
      }
      return Promise.resolve(place.holder = new OpenMemoryStorage(place));
    },
    kill: () => void (place.holder = undefined),
  };
}

class Place {
  readonly types: Map<string, Map<string, StoredRow>> = new Map();
  readonly metas: Map<string, Uint8Array> = new Map();
  holder: OpenMemoryStorage | undefined;
}

class OpenMemoryStorage implements Storage {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  async *load(): AsyncGenerator<StoredRow> {
    for (const [type, keys] of this.#held().types) {
      for (const key of [...keys.keys()]) {
        await Promise.resolve();
        const row = this.#held().types.get(type)?.get(key);
        if (row !== undefined) yield { type, key, bytes: row.bytes.slice() };
      }
    }
  }

  async write(rows: readonly StoredRow[]): Promise<void> {
    const { types } = await this.#turn();
    for (const { type, key, bytes } of rows) {
      let keys = types.get(type);
      if (keys === undefined) types.set(type, keys = new Map());
      keys.set(key, { type, key, bytes: bytes.slice() });
    }
  }

  async remove(keys: readonly StoredKey[]): Promise<void> {
    const { types } = await this.#turn();
    for (const { type, key } of keys) types.get(type)?.delete(key);
  }

  async getMeta(name: string): Promise<Uint8Array | undefined> {
    return (await this.#turn()).metas.get(name)?.slice();
  }

  async setMeta(name: string, bytes: Uint8Array): Promise<void> {
    (await this.#turn()).metas.set(name, bytes.slice());
  }

  close(): Promise<void> {
    if (this.#place.holder === this) this.#place.holder = undefined;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Calls take effect later than they are made, as with a real storage. */
  async #turn(): Promise<Place> {
    const place = this.#held();
    await Promise.resolve();
    return place;
  }

  #held(): Place {
    if (this.#place.holder === this) return this.#place;
    throw new ClusterError("closed", "Cannot use the memory storage: it was closed");
  }
}
