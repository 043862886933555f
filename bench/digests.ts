/**
 * What it costs two nodes to find out that they hold the same, and what differs.
 *
 * @module
 */

import type { StoredEntry } from "../src/core/replication/entry.ts";
import type { LinkFrame } from "../src/core/replication/frames.ts";
import { entryCodec } from "../src/driver/entry_codec.ts";
import { encodeLinkFrame } from "../src/driver/link_codec.ts";
import type { BenchFigure } from "./cases.ts";
import { Pair } from "./pair.ts";

const WRITTEN_MS = 1_799_999_000_000;
const VALUE = new Uint8Array(64).fill(120);

/** Two stores of so many keys, equal first, then with one key newer on one side: bytes on the wire and milliseconds. */
export function digestExchange(keys: number): readonly BenchFigure[] {
  const entries = Array.from({ length: keys }, (_, i) => entry(`key-${i}`, 0));
  const differing = entries.with(keys >> 1, entry(`key-${keys >> 1}`, 1));
  const equal = exchange(entries, entries);
  const one = exchange(entries, differing);
  if (equal.differing !== 0 || one.differing !== 1) {
    throw new Error("Cannot measure: the comparisons did not find what differs");
  }
  return [
    { name: "equal-bytes", unit: "B", value: equal.bytes },
    { name: "equal-time", unit: "ms", value: equal.ms },
    { name: "one-key-bytes", unit: "B", value: one.bytes },
    { name: "one-key-time", unit: "ms", value: one.ms },
  ];
}

interface Exchange {
  readonly bytes: number;
  readonly ms: number;
  readonly differing: number;
}

/** Links two stores and lets a second pass, in which the first comparison falls; frames of the greeting do not count. */
function exchange(a: readonly StoredEntry[], b: readonly StoredEntry[]): Exchange {
  let bytes = 0;
  const began: { at?: number } = {};
  let endedAt = 0;
  const onFrame = (frame: LinkFrame, from: 0 | 1): void => {
    if (frame.frame.case === "hello" || frame.frame.case === "welcome") return;
    began.at ??= performance.now();
    bytes += encodeLinkFrame(frame, from === 0 ? "dialler" : "acceptor").length;
    endedAt = performance.now();
  };
  const pair = new Pair({ held: [a, b], onFrame });
  for (let passed = 0; passed < 1_000; passed += 10) pair.tick();
  const [{ counters }] = pair.machines;
  if (counters.digestsStarted === 0) throw new Error("Cannot measure: nothing was compared");
  return { bytes, ms: endedAt - (began.at ?? 0), differing: counters.digestsDiffering };
}

function entry(key: string, logic: number): StoredEntry {
  const bytes = entryCodec.encode({
    type: "key",
    key,
    version: { wallMs: WRITTEN_MS, logic, origin: "a", boot: "0" },
    value: VALUE,
    contentType: "application/json",
    schemaVersion: 0,
    number: 1 + logic,
  });
  const head = entryCodec.head(bytes);
  if (head === undefined) throw new Error("Cannot measure: an entry does not decode");
  return head;
}
