/**
 * One machine, its peer played by hand.
 *
 * @module
 */

import type { ReplicationOptions } from "../../../src/core/replication/config.ts";
import type { ReplicationEffect } from "../../../src/core/replication/contract.ts";
import type { EntryRecord } from "../../../src/core/replication/entry.ts";
import type { LinkFrame } from "../../../src/core/replication/frames.ts";
import { Replication } from "../../../src/core/replication/machine.ts";
import { Rng } from "../../../src/core/rng.ts";
import { entryCodec } from "../../../src/driver/entry_codec.ts";
import { EPOCH } from "./net.ts";

/** Plays the peer `p` on an accepted link of the machine `m`. */
export interface Alone {
  readonly machine: Replication;
  /** A frame of the peer; answers what the machine does. */
  readonly say: (frame: LinkFrame["frame"], now?: number) => ReplicationEffect[];
  /** Its greeting. */
  readonly greet: () => ReplicationEffect[];
  /** A batch of encoded entries. */
  readonly deliver: (sequence: number, ...entries: Uint8Array[]) => ReplicationEffect[];
}

/** A machine that has started alone, with a link accepted. */
export function alone(config: Partial<ReplicationOptions> = {}): Alone {
  const machine = new Replication(
    { nodeId: "m", bootId: "1", joinTimeoutMs: 0, ...config },
    entryCodec,
    new Rng(1),
  );
  const out: ReplicationEffect[] = [];
  machine.handle({ type: "start", wallMs: EPOCH }, 0, out);
  machine.handle({ type: "accepted", link: -1 }, 0, out);
  const say = (frame: LinkFrame["frame"], now = 1) => {
    const effects: ReplicationEffect[] = [];
    machine.handle({ type: "frame", link: -1, frame: { frame } }, now, effects);
    for (const effect of [...effects]) {
      if (effect.type === "send") machine.handle({ type: "writable", link: -1 }, now, effects);
    }
    return effects;
  };
  const greet = () =>
    say({
      case: "hello",
      value: { nodeId: "p", bootId: "9", capabilities: [], wantSnapshot: false, wallMs: EPOCH },
    });
  const deliver = (sequence: number, ...entries: Uint8Array[]) =>
    say({ case: "batch", value: { sequence, entries, snapshotEnd: false } });
  return { machine, say, greet, deliver };
}

/** An entry that the peer wrote. */
export function encoded(key: string, wallMs: number, more: Partial<EntryRecord> = {}): Uint8Array {
  return entryCodec.encode({
    type: "team",
    key,
    version: { wallMs, logic: 0, origin: "p", boot: "9" },
    value: new Uint8Array(3),
    contentType: "",
    schemaVersion: 0,
    ...more,
  });
}
