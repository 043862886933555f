/**
 * Two replication machines in one process.
 *
 * @module
 */

import type { ReplicationEffect, ReplicationInput } from "../src/core/replication/contract.ts";
import type { StoredEntry } from "../src/core/replication/entry.ts";
import type { LinkFrame } from "../src/core/replication/frames.ts";
import { Replication } from "../src/core/replication/machine.ts";
import { Rng } from "../src/core/rng.ts";
import { entryCodec } from "../src/driver/entry_codec.ts";

const EPOCH_MS = 1_800_000_000_000;

/** How a pair begins. */
export interface PairOptions {
  /** What each of them holds before the link between them stands. */
  readonly held?: readonly [readonly StoredEntry[], readonly StoredEntry[]];
  /** Sees every frame; `from` 0 is the dialler. */
  readonly onFrame?: (frame: LinkFrame, from: 0 | 1) => void;
}

/** Two machines that hand each other their frames as records; the first has dialled the second. */
export class Pair {
  readonly machines: readonly [Replication, Replication];
  readonly #onFrame: PairOptions["onFrame"];
  #now = 0;

  /** Opens the link. */
  constructor({ held, onFrame }: PairOptions = {}) {
    this.#onFrame = onFrame;
    const make = (nodeId: string) =>
      new Replication({ nodeId, bootId: "1", joinTimeoutMs: 0 }, entryCodec, new Rng(1));
    this.machines = [make("a"), make("b")];
    for (const at of [0, 1] as const) {
      for (const entry of held?.[at] ?? []) this.machines[at].restore(entry);
      this.#give(at, { type: "start", wallMs: EPOCH_MS });
    }
    this.#give(1, { type: "accepted", link: -1 });
    this.#give(0, { type: "peerUp", peer: "b", boot: "1", capabilities: [] });
    this.tick();
  }

  /** Lets 10 ms pass on both. */
  tick(): void {
    this.#now += 10;
    for (const at of [0, 1]) this.#give(at, { type: "tick" });
  }

  /** Writes on the first. */
  write(key: string, value: Uint8Array): void {
    this.#give(0, {
      type: "command",
      command: { type: "write", op: 1, writes: [{ type: "key", key, value }] },
    });
  }

  #give(at: number, input: ReplicationInput): void {
    const todo: [number, ReplicationInput][] = [[at, input]];
    const out: ReplicationEffect[] = [];
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const [to, each] = next;
      out.length = 0;
      this.machines[to as 0 | 1].handle(each, this.#now, out);
      for (const effect of out) {
        if (effect.type === "open") todo.push([to, { type: "linkOpened", link: effect.link }]);
        if (effect.type !== "send") continue;
        this.#onFrame?.(effect.frame, to as 0 | 1);
        const link = to === 0 ? -1 : 1;
        todo.push([1 - to, { type: "frame", link, frame: effect.frame }]);
        todo.push([to, { type: "writable", link: effect.link }]);
      }
    }
  }
}
