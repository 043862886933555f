/**
 * Lets a file seed entities: it never reverts an edit and never brings back what was deleted.
 *
 * @module
 */

import type { EntitySeed } from "../config/governance.ts";
import type { EntryWrite } from "../core/replication/entry.ts";
import { type Entities, entitiesOf, type EntityBase } from "./entities.ts";

/** Where the hash of each item last applied is kept, so that all nodes know it; `_` marks types that are ours. */
const APPLIED_TYPE = "_seed";

/** What seeding did. */
export interface SeedReport {
  readonly written: number;
  readonly unchanged: number;
}

/**
 * Writes an item only when it is absent and was never deleted, or when its hash differs from the one last applied
 * from a file (the file was edited). Two nodes that start with the same file write the same; an unchanged file writes
 * nothing. Call it once the first sync is done.
 */
export async function applySeeds(
  seeds: readonly EntitySeed[],
  base: EntityBase,
): Promise<SeedReport> {
  const hashes = await Promise.all(seeds.map(({ value }) => hashOf(value)));
  const applied: Entities<string> = entitiesOf(APPLIED_TYPE, base);
  const writes: EntryWrite[] = [];
  let written = 0;
  seeds.forEach(({ type, key, value }, i) => {
    const hash = hashes[i] as string;
    const mark = `${type}/${key}`;
    const last = applied.get(mark);
    if (last === hash) return;
    writes.push(jsonWrite(APPLIED_TYPE, mark, hash));
    if (last === undefined && base.find(type, key) !== undefined) return;
    writes.push(jsonWrite(type, key, value));
    written++;
  });
  if (writes.length > 0) base.write(writes);
  return { written, unchanged: seeds.length - written };
}

function jsonWrite(type: string, key: string, value: unknown): EntryWrite {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { type, key, value: bytes, contentType: "application/json" };
}

async function hashOf(value: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(canonical(value));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** JSON with sorted keys: the order of keys in a file means nothing. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${
    fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")
  }}`;
}
