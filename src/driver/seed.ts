/**
 * Lets a file seed entities: it never reverts an edit and never brings back what was deleted.
 *
 * @module
 */

import type { EntitySeed } from "../config/governance.ts";
import { ClusterError } from "../core/errors.ts";
import type { EntryWrite } from "../core/replication/entry.ts";
import { type Entities, entitiesOf, type EntityBase } from "./entities.ts";
import type { Say } from "./say.ts";

/** Where the hash of each item last applied is kept, so that all nodes know it; `_` marks types that are ours. */
const APPLIED_TYPE = "_seed";

/** What seeding did. */
export interface SeedReport {
  readonly written: number;
  readonly unchanged: number;
  /** Items that can't be written, with the reason. */
  readonly refused: readonly string[];
}

/**
 * Writes an item only when it is absent and was never deleted, or when its hash differs from the one last applied
 * from a file (the file was edited). Two nodes that start with the same file write the same; an unchanged file writes
 * nothing. An item that can't be written keeps no other from being written. Call it once the first sync is done.
 * Rejects with `closed` when the node is closed meanwhile.
 */
export async function applySeeds(
  seeds: readonly EntitySeed[],
  base: EntityBase,
): Promise<SeedReport> {
  const hashes = await Promise.all(seeds.map(({ value }) => hashOf(value)));
  const applied: Entities<string> = entitiesOf(APPLIED_TYPE, base);
  const items: (readonly EntryWrite[])[] = [];
  let written = 0;
  seeds.forEach(({ type, key, value }, i) => {
    const hash = hashes[i] as string;
    const mark = `${type}/${key}`;
    const last = applied.get(mark);
    if (last === hash) return;
    const isNew = last !== undefined || base.find(type, key) === undefined;
    if (isNew) written++;
    items.push([
      jsonWrite(APPLIED_TYPE, mark, hash),
      ...(isNew ? [jsonWrite(type, key, value)] : []),
    ]);
  });
  const refused = writeAll(items, base);
  return {
    written: written - refused.length,
    unchanged: seeds.length - written,
    refused,
  };
}

/** Seeds a node and says in the log what came of it. Never rejects. */
export async function seedNode(
  seeds: readonly EntitySeed[],
  base: EntityBase,
  say: Say,
): Promise<void> {
  if (seeds.length === 0) return;
  try {
    const { written, unchanged, refused } = await applySeeds(seeds, base);
    say("info", "governance file applied", { written, unchanged });
    for (const reason of refused) {
      say("error", "an item of the governance file can't be applied", { reason });
    }
  } catch (error) {
    if (ClusterError.is(error, "closed")) return;
    const reason = error instanceof Error ? error.message : String(error);
    say("error", "the governance file can't be applied", { reason });
  }
}

/** One step for all; item by item when one of them is refused. */
function writeAll(items: readonly (readonly EntryWrite[])[], base: EntityBase): string[] {
  if (items.length === 0) return [];
  try {
    base.write(items.flat());
    return [];
  } catch (error) {
    if (!ClusterError.is(error) || error.code === "closed") throw error;
  }
  const refused: string[] = [];
  for (const item of items) {
    try {
      base.write(item);
    } catch (error) {
      if (!ClusterError.is(error) || error.code === "closed") throw error;
      refused.push(error.message);
    }
  }
  return refused;
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
