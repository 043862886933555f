/**
 * Proves the suite of storages: each planted bug must be caught by the case that is there for it.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Storage, StoredRow } from "../../mod.ts";
import { storageCases } from "../../src/testing/compliance/mod.ts";
import { type MemoryStorage, memoryStorage } from "../../src/testing/memory_storage.ts";
import { memoryPlace } from "./storage_places.ts";

/** A memory storage whose open storages are changed. */
function broken(change: (storage: Storage) => Partial<Storage>): () => MemoryStorage {
  return () => {
    const inner = memoryStorage();
    return {
      name: inner.name,
      kill: () => inner.kill(),
      async open(): Promise<Storage> {
        const storage = await inner.open();
        const whole: Storage = {
          load: () => storage.load(),
          write: (rows) => storage.write(rows),
          remove: (keys) => storage.remove(keys),
          getMeta: (name) => storage.getMeta(name),
          setMeta: (name, bytes) => storage.setMeta(name, bytes),
          close: () => storage.close(),
          [Symbol.asyncDispose]: () => storage.close(),
        };
        return { ...whole, ...change(storage) };
      },
    };
  };
}

function plant(bug: string, make: () => MemoryStorage, claim: string): void {
  it(`${bug} is caught by "${claim}"`, async () => {
    const cases = storageCases({ place: () => memoryPlace(make) });
    const judging = cases.filter((one) => one.claim.includes(claim));
    assert.equal(judging.length, 1, `${judging.length} cases claim "${claim}"`);
    // Where a killed writer stops is chance: one look may miss.
    for (let tries = 1; tries <= 20; tries++) {
      const error = await judging[0]!.run().then(() => undefined, (reason: Error) => reason);
      if (error?.message.includes(claim)) return;
    }
    assert.fail("the case accepts it");
  });
}

const later = async (turns = 20): Promise<void> => {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
};

describe("a planted bug in a storage", () => {
  plant(
    "a batch that is stored row by row",
    broken((storage) => ({
      write: async (rows) => {
        for (const row of rows) await storage.write([row]);
      },
    })),
    "loses nothing stored and tears nothing",
  );
  plant(
    "a write that is acknowledged before it is stored",
    broken((storage) => {
      let tail: Promise<void> = Promise.resolve();
      return {
        write: (rows) => {
          tail = tail.then(() => later(60)).then(() => storage.write(rows)).catch(() => {});
          return Promise.resolve();
        },
      };
    }),
    "loses nothing stored and tears nothing",
  );
  plant(
    "calls that overtake each other",
    broken((storage) => {
      let calls = 0;
      return { write: (rows) => later(calls++ % 2 * 10).then(() => storage.write(rows)) };
    }),
    "in the order of the calls",
  );
  plant(
    "the first row of a key that counts",
    broken((storage) => ({ write: (rows) => storage.write([...rows].reverse()) })),
    "keeps the later",
  );
  plant(
    "rows that stay when they are written again",
    broken((storage) => {
      const written = new Set<string>();
      return {
        write: (rows) =>
          storage.write(rows.filter(({ key }) => !written.has(key) && written.add(key))),
      };
    }),
    "puts a row in place",
  );
  plant(
    "names that end at U+0000",
    broken((storage) => ({
      write: (rows) =>
        storage.write(rows.map((row) => ({ ...row, key: row.key.split("\0")[0] as string }))),
    })),
    "gives every name back",
  );
  plant(
    "type and key run together",
    broken((storage) => ({
      load: async function* () {
        const seen = new Set<string>();
        for await (const row of storage.load()) {
          if (!seen.has(row.type + row.key)) yield row;
          seen.add(row.type + row.key);
        }
      },
    })),
    "gives every name back",
  );
  plant(
    "bytes taken by reference",
    broken((storage) => {
      const held = new Map<string, StoredRow>();
      return {
        write: (rows) => {
          for (const row of rows) held.set(row.key, row);
          return Promise.resolve();
        },
        load: async function* () {
          await storage.getMeta("");
          yield* held.values();
        },
      };
    }),
    "bytes that are the reader's",
  );
  plant(
    "nothing kept from one opening to the next",
    () => ({ name: "forgetful", kill: () => {}, open: () => memoryStorage().open() }),
    "keeps rows from one opening",
  );
  plant(
    "a second opener that is let in",
    () => {
      const inner = memoryStorage();
      return { ...inner, open: () => (inner.kill(), inner.open()) };
    },
    "one opener in at a time",
  );
  plant(
    "a close that drops what is under way",
    broken((storage) => {
      let tail: Promise<void> = Promise.resolve();
      return {
        write: (rows) => tail = tail.then(() => later()).then(() => storage.write(rows)),
      };
    }),
    "finishes what is under way",
  );
  plant(
    "a page that begins where the last was removed",
    broken((storage) => ({
      load: async function* () {
        const seen = new Set<string>();
        for (let offset = 0;; offset += 50) {
          const rows: StoredRow[] = [];
          for await (const row of storage.load()) rows.push(row);
          const page = rows.slice(offset, offset + 50).filter(({ key }) => !seen.has(key));
          if (page.length === 0) return;
          for (const row of page) seen.add(row.key);
          yield* page;
        }
      },
    })),
    "reads on while rows are written",
  );
});
