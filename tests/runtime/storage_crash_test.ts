/**
 * A node's own file and SIGKILL: real processes write through persistence and are killed at random instants, again and
 * again; each finds what the one before was told to be stored. On every runtime that has SQLite.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { commandFor, findRuntimes, type FoundRuntime } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";
import { crashFindings, operation } from "./storage_crash_plan.ts";

const WRITER = "tests/runtime/storage_crash_writer.ts";
const ROUNDS = 20;
const LIFE_MS_MAX = 250;

/** What a writer said in its life. */
interface Life {
  readonly found: ReadonlyMap<string, number>;
  /** How far the table went that it found. */
  readonly table: number;
  readonly issued: number | undefined;
  readonly stored: number | undefined;
}

const isBuilt = existsSync(join(ROOT, ".build", WRITER.replace(/ts$/, "js")));

describe("a node that is killed while it writes", () => {
  for (const runtime of findRuntimes().found) {
    if (hasSqlite(runtime)) {
      it(`on ${runtime.name} loses nothing stored`, { timeout: 120_000 }, (t) => {
        return killAgainAndAgain(runtime, t);
      });
    } else {
      const skip = isBuilt ? false : "there is no build for Node: run `deno task build`";
      it(`on ${runtime.name} ${runtime.version} says what it lacks instead`, { skip }, async () => {
        await withFile(async (file) => {
          await assert.rejects(live(runtime, file, 1), /unsupported: .* better-sqlite3/);
        });
      });
    }
  }
});

describe("the checker of what a crash left", () => {
  const round = { first: 1, stored: 60, issued: 80 };
  const whole = after(new Map(), 1, 60);

  it("accepts everything stored, with and without what was under way", () => {
    assert.deepEqual(crashFindings(new Map(), whole, round), []);
    assert.deepEqual(crashFindings(new Map(), after(whole, 61, 80), round), []);
  });

  it("finds a row that was stored and is gone", () => {
    const found = new Map(whole);
    found.delete(operation(59).key);
    assert.equal(crashFindings(new Map(), found, round).length, 1);
  });

  it("finds an older value in place of a stored one", () => {
    assert.equal(crashFindings(new Map(), whole, { ...round, stored: 61 }).length, 1);
  });

  it("finds a removed row that is back", () => {
    const found = new Map(whole).set(operation(55).key, 15);
    assert.equal(crashFindings(new Map(), found, round).length, 1);
  });
});

async function killAgainAndAgain(runtime: FoundRuntime, t: TestContext): Promise<void> {
  await withFile(async (file) => {
    let model: ReadonlyMap<string, number> = new Map();
    let last = { first: 1, stored: 0, issued: 0 };
    let total = 0;
    for (let round = 1; round <= ROUNDS + 1; round++) {
      const first = last.issued + 1;
      const life = await live(runtime, file, first);
      // The table is stored behind the rows it speaks of, and before anybody is told.
      const reported = last.stored < last.first ? 0 : last.stored;
      assert.ok(life.table >= reported, `round ${round}: ${reported} stored, table ${life.table}`);
      const stored = Math.max(life.table, last.stored);
      const findings = crashFindings(model, life.found, { ...last, stored });
      assert.deepEqual(findings, [], `${runtime.name}, round ${round}`);
      model = life.found;
      last = { first, stored: life.stored ?? first - 1, issued: life.issued ?? first - 1 };
      total += last.stored - (first - 1);
    }
    assert.ok(total > 1_000, `only ${total} operations were stored in all`);
    t.diagnostic?.(`${total} operations stored in ${ROUNDS} lives`);
  });
}

/** Starts a writer, kills it at a random instant, and reads what it said. */
async function live(runtime: FoundRuntime, file: string, first: number): Promise<Life> {
  const [program, ...words] = commandFor(runtime, WRITER, [file, String(first)]);
  const child = spawn(program!, words, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  let closed = false;
  child.stdout.on("data", (chunk) => text += String(chunk));
  child.once("close", () => closed = true);
  try {
    await eventually("the writer has read its file", () => text.includes("\n") || closed, 20_000);
    const life = Math.random() * LIFE_MS_MAX;
    await new Promise((resolve) => setTimeout(resolve, life));
  } finally {
    child.kill("SIGKILL");
    await eventually("the writer is gone", () => closed);
  }
  const lines = text.split("\n").slice(0, -1);
  const json = /^found (.*)$/.exec(lines[0] ?? "")?.[1];
  if (json === undefined) throw new Error(`The writer did not open its file: ${text}`);
  const { found, table } = JSON.parse(json) as { found: Record<string, number>; table: number };
  const unexpected = lines.slice(1).filter((line) => !/^(issued|stored) \d+$/.test(line));
  assert.deepEqual(unexpected, []);
  const newest = (word: string): number | undefined => {
    const line = lines.findLast((one) => one.startsWith(`${word} `));
    return line === undefined ? undefined : Number(line.slice(word.length + 1));
  };
  return {
    found: new Map(Object.entries(found)),
    table,
    issued: newest("issued"),
    stored: newest("stored"),
  };
}

/** The state after operations `first` to `last`. */
function after(
  before: ReadonlyMap<string, number>,
  first: number,
  last: number,
): Map<string, number> {
  const state = new Map(before);
  for (let n = first; n <= last; n++) {
    const { key, value } = operation(n);
    if (value === undefined) state.delete(key);
    else state.set(key, value);
  }
  return state;
}

/** `better-sqlite3` is built for one Node and not there in general. */
function hasSqlite(runtime: FoundRuntime): boolean {
  if (runtime.name !== "node") return true;
  const [major = 0, minor = 0] = runtime.version.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 13);
}

async function withFile(work: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "althing-crash-"));
  try {
    await work(join(folder, "state.db"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
