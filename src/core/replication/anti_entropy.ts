/**
 * Comparing digests: what differs, what to ask for, what to send (`docs/protocol.md`, anti-entropy).
 *
 * Both ends run the same comparison on what the other says. The dialler leads: it holds the list of ranges still to be
 * looked at and sends a bounded piece of it per frame; the acceptor answers each frame with one frame.
 *
 * @module
 */

import { compareVersions, type Version } from "../hlc.ts";
import { LEAF_KEYS_MAX, parsePrefix, type RangeSum } from "./digest.ts";
import type { KeyVersion, RangeDigest } from "./frames.ts";
import type { Slot, Store } from "./store.ts";
import { decodeVersion, encodeVersion } from "./versions.ts";

/** Most ranges the dialler puts into one frame; the acceptor's answer has at most 16 times as many. */
export const RANGES_PER_FRAME = 64;

/** Most ranges accepted in one frame. */
export const RANGES_ACCEPTED_MAX: number = 16 * (RANGES_PER_FRAME + 16);

/** Most keys accepted in one frame, over all leaves or in a pull. */
export const KEYS_ACCEPTED_MAX = 16_384;

/** Keys the dialler puts into one frame before it waits for the answer. */
const LEAF_KEYS_PER_FRAME = 2_048;

/** What a comparison found. */
export interface Findings {
  /** Ours is newer, or they lack it. */
  readonly send: Slot[];
  /** Theirs is newer, or we lack it. */
  readonly pull: KeyVersion[];
  /** Ranges that differ and need a closer look. */
  readonly descend: string[];
  /** Whether anything differed. */
  differs: boolean;
}

/** Compares what the other end says with what we hold. `wanted` filters versions that would be refused anyway. */
export function compareRanges(
  store: Store,
  theirs: readonly RangeDigest[],
  wanted: (version: Version) => boolean,
): Findings {
  const found: Findings = { send: [], pull: [], descend: [], differs: false };
  for (const range of theirs) {
    const digits = parsePrefix(range.prefix);
    if (digits === undefined) continue;
    if (range.isLeaf) {
      compareLeaf(store, digits, range.leaf, wanted, found);
      continue;
    }
    const ours = store.tree.sum(digits);
    if (isEqual(ours, range)) continue;
    found.differs = true;
    if (range.count === 0) { for (const slot of store.tree.below(digits)) found.send.push(slot); }
    else found.descend.push(range.prefix);
  }
  return found;
}

/** Ranges to send about `prefix`: its keys when they are few, else its sixteen parts. */
export function lookCloser(store: Store, prefix: string): RangeDigest[] {
  const digits = parsePrefix(prefix);
  if (digits === undefined) return [];
  if (store.tree.sum(digits).count <= LEAF_KEYS_MAX || digits.length === 16) {
    const leaf: KeyVersion[] = [];
    for (const { entry } of store.tree.below(digits)) {
      leaf.push({ type: entry.type, key: entry.key, version: encodeVersion(entry.version) });
    }
    return [{ prefix, hashLow: 0, hashHigh: 0, count: leaf.length, leaf, isLeaf: true }];
  }
  return Array.from("0123456789abcdef", (digit, index) => {
    return {
      prefix: prefix + digit,
      ...store.tree.sum([...digits, index]),
      leaf: [],
      isLeaf: false,
    };
  });
}

/** The range over everything. */
export function rootRange(store: Store): RangeDigest {
  return { prefix: "", ...store.tree.root, leaf: [], isLeaf: false };
}

/** The dialler's side of one exchange: what is still to be looked at. */
export class DigestSession {
  readonly #store: Store;
  #pending: string[] = [];
  /** Something differed so far. */
  differs = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** First frame. */
  begin(): RangeDigest[] {
    return [rootRange(this.#store)];
  }

  /** Takes in what an answer left open; depth first, so that the list stays short. */
  add(findings: Findings): void {
    if (findings.differs) this.differs = true;
    this.#pending.push(...findings.descend);
  }

  /** Next frame; `undefined` when nothing is left. */
  next(): RangeDigest[] | undefined {
    const ranges: RangeDigest[] = [];
    let keys = 0;
    while (ranges.length < RANGES_PER_FRAME && keys < LEAF_KEYS_PER_FRAME) {
      const prefix = this.#pending.pop();
      if (prefix === undefined) break;
      for (const range of lookCloser(this.#store, prefix)) {
        ranges.push(range);
        keys += range.leaf.length;
      }
    }
    return ranges.length === 0 ? undefined : ranges;
  }
}

function isEqual(ours: RangeSum, theirs: RangeDigest): boolean {
  return ours.count === theirs.count && ours.hashLow === theirs.hashLow &&
    ours.hashHigh === theirs.hashHigh;
}

function compareLeaf(
  store: Store,
  digits: readonly number[],
  leaf: readonly KeyVersion[],
  wanted: (version: Version) => boolean,
  found: Findings,
): void {
  const known: Set<Slot> = new Set();
  for (const theirs of leaf) {
    const version = decodeVersion(theirs.version);
    if (version === undefined) continue;
    const slot = store.find(theirs.type, theirs.key);
    if (slot !== undefined) known.add(slot);
    const order = slot === undefined ? 1 : compareVersions(version, slot.entry.version);
    if (order === 0) continue;
    found.differs = true;
    if (order < 0) found.send.push(slot as Slot);
    else if (wanted(version)) found.pull.push(theirs);
  }
  for (const slot of store.tree.below(digits)) {
    if (known.has(slot)) continue;
    found.differs = true;
    found.send.push(slot);
  }
}
