/** @module */

import type { Storage, StorageProvider, StoredKey, StoredRow } from "../../ports/storage.ts";
import { type Bench, casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";
import { bytesOf, pattern, type Rule } from "./case.ts";
import { crashFindings } from "./storage_crash.ts";

/** What is judged. */
export interface StorageSetup extends ComplianceSetup {
  /** Makes an empty place to keep state in. */
  readonly place: () => Promise<StoragePlace>;
}

/** A place of its own for one case; disposal removes it. */
export interface StoragePlace extends AsyncDisposable {
  /** Opens always the same place. */
  readonly provider: StorageProvider;
  /**
   * Has somebody else, best another process, open the place and run {@linkcode crashWrite} from batch `first` on, and
   * kills it at a random instant. Answers the last batch that was reported as stored, `first - 1` for none; the next
   * call goes on behind it. Left out where nothing can be killed: then that is not judged.
   */
  readonly crash?: (first: number) => Promise<number>;
}

/** The largest value of an entity and what its encoding may add. */
const LARGEST_BYTES = 16 * 1024 * 1024 + 8_192;

const CRASHES = 3;

/** The rules of {@linkcode Storage}. */
export function storageCases(setup: StorageSetup): ComplianceCase[] {
  const rules: Record<string, Rule> = {};
  const all = { ...keepingRules, ...orderRules, ...openingRules };
  for (const [claim, rule] of Object.entries(all)) {
    rules[claim] = async (bench) => {
      await using place = await setup.place();
      await rule(bench, place);
    };
  }
  return casesOf(setup, rules);
}

type PlaceRule = (bench: Bench, place: StoragePlace) => Promise<void>;

const keepingRules: Record<string, PlaceRule> = {
  "starts empty": async (bench, { provider }) => {
    await using storage = await provider.open();
    bench.same((await rowsOf(storage)).length, 0, "rows");
    bench.same(await storage.getMeta("table"), undefined, "a value never set");
  },

  "keeps rows from one opening to the next, byte for byte": async (bench, { provider }) => {
    const rows = [0, 1, 255, 256, 4_096, 70_000].map((length) => row("t", `${length}`, length));
    await reopened(provider, (storage) => storage.write(rows), async (storage) => {
      bench.same(textOf(await rowsOf(storage)), textOf(rows), "rows");
    });
  },

  "keeps the largest value an entity may have": async (bench, { provider }) => {
    const bytes = new Uint8Array(LARGEST_BYTES);
    for (let at = 0; at < bytes.length; at += 4_096) bytes.set(pattern(17, at), at);
    const large = { type: "t", key: "large", bytes };
    const rows = [large, row("t", "small", 10)];
    await reopened(provider, (storage) => storage.write(rows), async (storage) => {
      const found = (await rowsOf(storage)).find(({ key }) => key === "large");
      bench.same(found?.bytes, large.bytes, "the large value");
    });
  },

  "gives every name back as it was and mixes none up": async (bench, { provider }) => {
    const rows = NAMES.map(({ type, key }, i) => ({ type, key, bytes: pattern(3, i) }));
    await reopened(provider, (storage) => storage.write(rows), async (storage) => {
      bench.same(textOf(await rowsOf(storage)), textOf(rows), "rows");
      await storage.remove(NAMES.filter((_, i) => i % 2 === 0));
      const odd = rows.filter((_, i) => i % 2 === 1);
      bench.same(textOf(await rowsOf(storage)), textOf(odd), "rows after every other was removed");
    });
  },

  "keeps named values apart from rows": async (bench, { provider }) => {
    const names = ["table", "Table", "boot", "", "né", "a\0b"];
    const write = async (storage: Storage): Promise<void> => {
      for (const [i, name] of names.entries()) await storage.setMeta(name, pattern(i, i));
      await storage.setMeta("table", bytesOf("newer"));
      await storage.write([row("table", "table", 4)]);
    };
    await reopened(provider, write, async (storage) => {
      bench.same(await storage.getMeta("table"), bytesOf("newer"), "a value set twice");
      bench.same(await storage.getMeta("Table"), pattern(1, 1), "a value of another case");
      bench.same(await storage.getMeta("a\0b"), pattern(5, 5), "a value with U+0000 in its name");
      bench.same(await storage.getMeta("boo"), undefined, "a value never set");
      bench.same((await rowsOf(storage)).length, 1, "rows");
    });
  },

  "gives bytes that are the reader's, and takes none by reference": async (bench, { provider }) => {
    await using storage = await provider.open();
    const mine = pattern(64).subarray(8, 40);
    await storage.write([{ type: "t", key: "k", bytes: mine }]);
    await storage.setMeta("m", mine);
    mine.fill(0xff);
    for (const { bytes } of await rowsOf(storage)) bytes.fill(0xee);
    (await storage.getMeta("m"))?.fill(0xee);
    bench.same((await rowsOf(storage))[0]?.bytes, pattern(64).subarray(8, 40), "the row");
    bench.same(await storage.getMeta("m"), pattern(64).subarray(8, 40), "the named value");
  },
};

const orderRules: Record<string, PlaceRule> = {
  "puts a row in place of what its key held": async (bench, { provider }) => {
    const write = async (storage: Storage): Promise<void> => {
      await storage.write([row("t", "a", 5_000), row("t", "b", 3)]);
      await storage.write([row("t", "a", 7), row("u", "a", 9)]);
    };
    await reopened(provider, write, async (storage) => {
      const expected = [row("t", "a", 7), row("t", "b", 3), row("u", "a", 9)];
      bench.same(textOf(await rowsOf(storage)), textOf(expected), "rows");
    });
  },

  "of two rows with one key in a batch keeps the later": async (bench, { provider }) => {
    await using storage = await provider.open();
    await storage.write([row("t", "a", 1), row("t", "b", 2), row("t", "a", 3)]);
    bench.same(textOf(await rowsOf(storage)), textOf([row("t", "a", 3), row("t", "b", 2)]), "rows");
  },

  "takes effect in the order of the calls, awaited or not": async (bench, { provider }) => {
    const write = async (storage: Storage): Promise<void> => {
      const calls: Promise<void>[] = [];
      for (let i = 1; i <= 40; i++) {
        calls.push(storage.write([row("t", "a", i), row("t", "b", i), row("t", `${i}`, 1)]));
        calls.push(storage.remove([{ type: "t", key: "b" }, { type: "t", key: `${i - 1}` }]));
        calls.push(storage.setMeta("m", pattern(i)));
      }
      await Promise.all(calls);
    };
    await reopened(provider, write, async (storage) => {
      const expected = [row("t", "40", 1), row("t", "a", 40)];
      bench.same(textOf(await rowsOf(storage)), textOf(expected), "rows");
      bench.same(await storage.getMeta("m"), pattern(40), "the named value");
    });
  },

  "removes rows, and takes it when they are not there": async (bench, { provider }) => {
    await using storage = await provider.open();
    await storage.remove([{ type: "t", key: "a" }]);
    await storage.write([row("t", "a", 1), row("t", "b", 2)]);
    await storage.remove([{ type: "t", key: "a" }, { type: "t", key: "a" }, {
      type: "u",
      key: "b",
    }]);
    bench.same(textOf(await rowsOf(storage)), textOf([row("t", "b", 2)]), "rows");
    await storage.write([row("t", "a", 4)]);
    bench.same((await rowsOf(storage)).length, 2, "rows after writing one again");
  },

  "takes batches of none and of very many": async (bench, { provider }) => {
    await using storage = await provider.open();
    await storage.write([]);
    await storage.remove([]);
    const rows = Array.from({ length: 5_000 }, (_, i) => row("t", `k${i}`, i % 90));
    await storage.write(rows);
    bench.same(textOf(await rowsOf(storage)), textOf(rows), "rows");
    await storage.remove(rows.slice(0, 4_990));
    bench.same(textOf(await rowsOf(storage)), textOf(rows.slice(4_990)), "rows left");
  },

  "reads on while rows are written and removed": async (bench, { provider }) => {
    await using storage = await provider.open();
    const rows = Array.from({ length: 2_000 }, (_, i) => row("t", `k${i}`, 16));
    await storage.write(rows);
    const seen = new Map<string, number>();
    for await (const { key } of storage.load()) {
      seen.set(key, (seen.get(key) ?? 0) + 1);
      if (seen.size % 100 !== 0) continue;
      await storage.write([row("t", `new${seen.size}`, 8), row("t", "k1999", seen.size)]);
      await storage.remove([{ type: "t", key }, { type: "t", key: `k${seen.size + 500}` }]);
    }
    for (const { key } of await rowsOf(storage)) {
      if (key.startsWith("k")) bench.same(seen.get(key), 1, `times ${key} came`);
    }
  },

  "lets a reader leave early, and two read at once": async (bench, { provider }) => {
    await using storage = await provider.open();
    const rows = Array.from({ length: 1_000 }, (_, i) => row("t", `k${i}`, 16));
    await storage.write(rows);
    for await (const _ of storage.load()) break;
    const both = await Promise.all([rowsOf(storage), rowsOf(storage)]);
    bench.same(both.map(({ length }) => length), [1_000, 1_000], "rows of two readers");
    await storage.write([row("t", "k0", 5)]);
  },
};

const openingRules: Record<string, PlaceRule> = {
  "lets one opener in at a time": async (bench, { provider }) => {
    const first = await provider.open();
    await first.write([row("t", "a", 1)]);
    await bench.rejects(provider.open(), "refused", "a second opening");
    await first.write([row("t", "b", 2)]);
    await first.close();
    await using second = await provider.open();
    bench.same((await rowsOf(second)).length, 2, "rows of the next opener");
  },

  "finishes what is under way when it is closed, and does nothing afterwards": async (
    bench,
    { provider },
  ) => {
    const storage = await provider.open();
    const calls = Array.from({ length: 20 }, (_, i) => storage.write([row("t", `${i}`, i)]));
    await storage.close();
    await Promise.all(calls);
    await storage.close();
    await storage[Symbol.asyncDispose]();
    await bench.rejects(storage.write([row("t", "late", 1)]), "closed", "a late write");
    await bench.rejects(storage.remove([{ type: "t", key: "0" }]), "closed", "a late removal");
    await bench.rejects(storage.getMeta("m"), "closed", "a late question");
    await bench.rejects(storage.setMeta("m", pattern(1)), "closed", "a late named value");
    await bench.rejects(rowsOf(storage), "closed", "a late reading");
    await using again = await provider.open();
    bench.same((await rowsOf(again)).length, 20, "rows");
  },

  "loses nothing stored and tears nothing when its process is killed": async (bench, place) => {
    if (place.crash === undefined) return;
    let next = 1;
    for (let i = 0; i < CRASHES; i++) {
      const reported = await place.crash(next);
      await using storage = await place.provider.open();
      bench.same(await crashFindings(storage, reported), [], `after crash ${i + 1}`);
      next = reported + 1;
    }
  },
};

/** Names that some databases take for others, or do not take. */
const NAMES: readonly StoredKey[] = [
  { type: "t", key: "a" },
  { type: "t", key: "A" },
  { type: "T", key: "a" },
  { type: "t", key: "a " },
  { type: "t", key: " a" },
  { type: "ta", key: "" },
  { type: "", key: "ta" },
  { type: "t\0a", key: "b" },
  { type: "t", key: "a\0b" },
  { type: "t", key: "a\0c" },
  { type: "t", key: "\0" },
  { type: "t", key: "\\0" },
  { type: "t", key: "\\" },
  { type: "t", key: "\\\\" },
  { type: "t", key: "\\x61" },
  { type: "t", key: '"' },
  { type: "t", key: "'" },
  { type: "t", key: "{,}" },
  { type: "t", key: "NULL" },
  { type: "t", key: "\r\n\t" },
  { type: "t", key: "\u{feff}a" },
  { type: "t", key: "\u00e9" },
  { type: "t", key: "e\u0301" },
  { type: "t", key: "\u{1f512}\u{fffd}\u{ffff}" },
  { type: "y".repeat(255), key: "k".repeat(1_024) },
  { type: "\0\\".repeat(127), key: "\0\\\\\0".repeat(256) },
  { type: "t", key: scrambled(1_024) },
];

/** Text of `length` ASCII characters that no compression makes shorter by much. */
function scrambled(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = Math.imul(state, 1_103_515_245) + 12_345 >>> 0;
    return String.fromCharCode(33 + (state >>> 16) % 90);
  }).join("");
}

function row(type: string, key: string, length: number): StoredRow {
  return { type, key, bytes: pattern(length, length) };
}

async function rowsOf(storage: Storage): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  for await (const each of storage.load()) rows.push(each);
  return rows;
}

/** Rows as text that does not depend on their order. */
function textOf(rows: readonly StoredRow[]): readonly string[] {
  return rows.map(({ type, key, bytes }) => {
    let sum = 0;
    for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) >>> 0;
    return JSON.stringify([type, key, bytes.length, sum]);
  }).sort();
}

/** Opens, works, closes; opens again and looks. */
async function reopened(
  provider: StorageProvider,
  work: (storage: Storage) => Promise<void>,
  look: (storage: Storage) => Promise<void>,
): Promise<void> {
  {
    await using storage = await provider.open();
    await work(storage);
  }
  await using storage = await provider.open();
  await look(storage);
}
