/**
 * What a writer that will be killed writes, and what must be found afterwards.
 *
 * @module
 */

import type { Storage, StoredRow } from "../../ports/storage.ts";
import { pattern } from "./case.ts";

const TYPE = "crash";

/** Keys that every batch overwrites. */
const SHARED_KEYS = 20;

/** Every so many batches, what the batch before added is removed again, in a call of its own. */
const REMOVE_EVERY = 5;

/** The rows of batch `batch`: the same 20 keys with its number in each, and one key of its own. */
export function crashRows(batch: number): StoredRow[] {
  const rows: StoredRow[] = [];
  for (let i = 0; i < SHARED_KEYS; i++) {
    rows.push({ type: TYPE, key: `shared-${i}`, bytes: bytesOfBatch(batch, i * 61) });
  }
  rows.push({ type: TYPE, key: `own-${batch}`, bytes: bytesOfBatch(batch, 3) });
  return rows;
}

/**
 * Writes batches from `first` on, one after the other, and calls `stored` with the number of each as soon as it is
 * stored. Returns after `count` batches; meant to be killed before.
 */
export async function crashWrite(
  storage: Storage,
  first: number,
  count: number,
  stored: (batch: number) => void,
): Promise<void> {
  for (let batch = first; batch < first + count; batch++) {
    await storage.write(crashRows(batch));
    await storage.setMeta(TYPE, bytesOfBatch(batch, 0));
    if (batch % REMOVE_EVERY === 0) {
      await storage.remove([{ type: TYPE, key: `own-${batch - 1}` }]);
    }
    stored(batch);
  }
}

/** What is wrong with what a killed writer left, one sentence each; `reported` is the last batch that was stored. */
export async function crashFindings(storage: Storage, reported: number): Promise<string[]> {
  const findings: string[] = [];
  const shared = new Set<number>();
  const own = new Set<number>();
  let sharedKeys = 0;
  for await (const { key, bytes } of storage.load()) {
    const batch = batchOf(bytes);
    if (key.startsWith("own-")) own.add(Number(key.slice(4)));
    else {
      shared.add(batch);
      sharedKeys++;
    }
    const tail = key.startsWith("own-") ? 3 : Number(key.slice(7)) * 61;
    const expected = bytesOfBatch(batch, tail);
    if (bytes.length !== expected.length || bytes.some((byte, i) => byte !== expected[i])) {
      findings.push(`${key} holds bytes that nobody wrote`);
    }
  }
  const newest = Math.max(0, ...shared);
  if (shared.size > 1) findings.push(`a torn batch: the shared keys come from ${[...shared]}`);
  if (newest > 0 && sharedKeys !== SHARED_KEYS) findings.push(`only ${sharedKeys} shared keys`);
  if (newest < reported) findings.push(`batch ${reported} was stored, ${newest} was found`);
  if (newest > reported + 1) findings.push(`${newest} was found before ${reported + 1} was stored`);
  const meta = await storage.getMeta(TYPE);
  const metaBatch = meta === undefined ? 0 : batchOf(meta);
  if (metaBatch < reported) findings.push(`the named value is of ${metaBatch}, not ${reported}`);
  for (let batch = 1; batch <= newest; batch++) {
    const removed = (batch + 1) % REMOVE_EVERY === 0;
    const settled = batch < reported || (batch === reported && !removed);
    if (removed && batch < reported && own.has(batch)) findings.push(`own-${batch} is back`);
    else if (!removed && settled && !own.has(batch)) findings.push(`own-${batch} is missing`);
  }
  return findings;
}

/** A number in the first four bytes, then up to some kilobytes that depend on it. */
function bytesOfBatch(batch: number, tail: number): Uint8Array {
  const bytes = pattern(4 + tail, batch);
  new DataView(bytes.buffer).setUint32(0, batch);
  return bytes;
}

function batchOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
}
