/**
 * What an entity and a counter cost in memory beyond what they say.
 *
 * @module
 */

import { encodeCell } from "../src/core/limits/cell_codec.ts";
import { cellKey } from "../src/core/limits/cell_key.ts";
import { Limits } from "../src/core/limits/machine.ts";
import { settledBytes } from "./settled_bytes.ts";
import { Pair } from "./pair.ts";

const ENTITIES = 100_000;
const VALUE_BYTES = 256;
const COUNTERS = 10_000;
const EPOCH_MS = 1_800_000_000_000;

/** Bytes per entity on the node that received it, value and key not counted, everything told and acknowledged. */
export async function bytesPerEntity(): Promise<number> {
  const warm = new Pair();
  fill(warm, 1_000);
  const before = await settledBytes();
  const pair = new Pair();
  const said = fill(pair, ENTITIES);
  const held = await settledBytes() - before;
  const sizes = pair.machines.map(({ store }) => store.size);
  if (sizes.some((size) => size !== ENTITIES)) {
    throw new Error(`Cannot measure: the stores hold ${sizes.join(" and ")}`);
  }
  // Both machines hold all of it; frames travel as records, so their bytes are shared.
  return (held - said) / (2 * ENTITIES);
}

/** Writes on the first and waits for the second; answers the bytes of keys and values. */
function fill(pair: Pair, count: number): number {
  let said = 0;
  for (let i = 0; i < count; i++) {
    const key = `key-${i}`;
    pair.write(key, new Uint8Array(VALUE_BYTES).fill(i & 255));
    said += key.length + VALUE_BYTES;
    if (i % 500 === 0) pair.tick();
  }
  for (let i = 0; i < 200; i++) pair.tick();
  return said;
}

/** Bytes per limit that three nodes have counted in. */
export async function bytesPerCounter(): Promise<number> {
  count(100);
  const before = await settledBytes();
  const limits = count(COUNTERS);
  const held = await settledBytes() - before;
  const view = limits.read(`key-${COUNTERS - 1}`, 1, EPOCH_MS + 1);
  if (view?.used !== 3_000_000) throw new Error("Cannot measure: the nodes were not counted");
  return held / COUNTERS;
}

function count(limitsCount: number): Limits {
  const limits = new Limits({ node: "a", boot: "1", calendar: { window: () => undefined } });
  const members = ["a", "b", "c"].map((node) => ({ node, boot: "1" }));
  const give = (input: Parameters<Limits["handle"]>[0]): void => limits.handle(input, 1, []);
  give({ type: "wall", wallMs: EPOCH_MS + 1 });
  give({ type: "members", members, alive: members });
  give({ type: "ready" });
  const created = `${EPOCH_MS}.0.a`;
  for (let i = 0; i < limitsCount; i++) {
    const limit = `key-${i}`;
    give({
      type: "definition",
      id: limit,
      value: {
        limit: 1_000,
        window: "1h",
        strength: "approximate",
        whenIsolated: "deny",
        created,
      },
    });
    limits.consume([{ limit, amount: 1_000_000 }], 1, EPOCH_MS + 1);
    const window = limits.read(limit, 1, EPOCH_MS + 1)?.window ?? "";
    for (const node of ["b", "c"]) {
      const parts = [{ index: 0, added: 1_000_000, removed: 0 }];
      const bytes = encodeCell({ word: 1, total: 1_000_000, burst: 0, rate: 0, parts });
      give({ type: "cell", key: cellKey({ limit, created, window, node, boot: "1" }), bytes });
    }
  }
  return limits;
}
