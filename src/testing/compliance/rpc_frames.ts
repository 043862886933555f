/** @module */

import type { LinkFrame } from "../../core/replication/frames.ts";
import { bytesOf } from "./case.ts";

/** One of every kind a dialler sends, every field set. */
export const FROM_DIALLER: readonly LinkFrame[] = [
  {
    frame: {
      case: "hello",
      value: {
        nodeId: "n-1",
        bootId: "b-1",
        capabilities: ["a", "b"],
        wantSnapshot: true,
        wallMs: 1_700_000_000_123.5,
      },
    },
  },
  {
    frame: {
      case: "batch",
      value: {
        sequence: 7,
        entries: [bytesOf("one"), bytesOf("")],
        snapshotEnd: true,
        number: 2 ** 40,
        agreed: [{ boot: "b-0", number: 3 }],
        chunks: [{ row: 4, offset: 65_536, total: 70_000, bytes: bytesOf("piece") }],
      },
    },
  },
  {
    frame: {
      case: "digest",
      value: {
        ranges: [{
          prefix: "a0",
          hashLow: 0xffff_ffff,
          hashHigh: 1,
          count: 3,
          leaf: [{ type: "t", key: "k", version: bytesOf("v") }],
          isLeaf: true,
        }],
      },
    },
  },
  {
    frame: {
      case: "pull",
      value: { keys: [{ type: "t", key: "k", version: bytesOf("v") }], prefixes: ["", "f"] },
    },
  },
  { frame: { case: "message", value: { channel: "c", payload: bytesOf("hello") } } },
];

/** One of every kind an acceptor sends, every field set. */
export const FROM_ACCEPTOR: readonly LinkFrame[] = [
  {
    frame: {
      case: "welcome",
      value: { nodeId: "n-2", bootId: "b-2", capabilities: [], wallMs: 1, ready: true },
    },
  },
  {
    frame: {
      case: "ack",
      value: {
        sequence: 7,
        refused: [{ type: "t", key: "k", reason: "future-stamp" }],
        wallMs: 1_700_000_000_123.5,
      },
    },
  },
  ...FROM_DIALLER.slice(2),
];

/** The frame without what an implementation may add, with its fields in one order. */
export function plainFrame(value: unknown): unknown {
  if (value instanceof Uint8Array) return Array.from(value);
  if (Array.isArray(value)) return value.map(plainFrame);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !key.startsWith("$"));
  return Object.fromEntries(
    entries.sort(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => [k, plainFrame(v)]),
  );
}
