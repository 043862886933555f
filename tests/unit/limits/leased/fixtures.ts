/** Small worlds for the parts of leased limits. */

import type { Version } from "../../../../src/core/hlc.ts";
import type {
  Epoch,
  HolderRow,
  LeasedLimitFacts,
  LeasedMember,
  LeaseWindow,
  VoterList,
} from "../../../../src/core/limits/leased/contract.ts";
import type { Store, StoreSlice } from "../../../../src/core/limits/leased/messages.ts";

export const WINDOW_MS = 60_000;

export function version(wallMs: number): Version {
  return { wallMs, logic: 0, origin: "a", boot: "a" };
}

export function windowAt(wallMs: number): LeaseWindow {
  const order = Math.floor(wallMs / WINDOW_MS);
  return { order, startMs: order * WINDOW_MS, endMs: (order + 1) * WINDOW_MS };
}

export function facts(changes: Partial<LeasedLimitFacts> = {}): LeasedLimitFacts {
  return { key: "cap", version: version(1), cap: 1_000, span: 1, windowAt, ...changes };
}

export function epoch(number: number, node = "a"): Epoch {
  return { number, node, boot: `${node}.1` };
}

export function list(names: readonly string[], stamp: Epoch = epoch(1), number = 1): VoterList {
  return { epoch: stamp, number, voters: names.map((node) => ({ id: `${node}.1`, node })) };
}

export function members(names: readonly string[]): LeasedMember[] {
  return names.map((node) => ({ node, boot: `${node}.1`, voter: `${node}.1`, state: "alive" }));
}

export function row(holder: string, granted: number, returned = 0, spent = 0): HolderRow {
  return { holder, granted, returned, spent };
}

export function slice(
  wallMs: number,
  rows: readonly HolderRow[],
  changes: Partial<StoreSlice> = {},
): StoreSlice {
  return {
    limit: "cap",
    version: version(1),
    cap: 1_000,
    window: windowAt(wallMs),
    span: 1,
    seq: 1,
    rows,
    ...changes,
  };
}

export function store(stamp: Epoch, voter: string, slices: readonly StoreSlice[]): Store {
  return { type: "store", shard: 0, epoch: stamp, voter, list: list(["a", "b", "c"]), slices };
}
