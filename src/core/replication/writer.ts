/**
 * Makes this node's writes, and makes them anew when their stamp counted nowhere.
 *
 * @module
 */

import { nextStamp, type Version } from "../hlc.ts";
import type { Millis } from "../machine.ts";
import type { ReplicationEffect, WriteCommand } from "./contract.ts";
import type { EntryCodec } from "./entry.ts";
import type { LinkContext } from "./link_host.ts";
import type { Slot } from "./store.ts";
import { entryOf, objectionTo, stampFor } from "./writes.ts";

/** Writes into the store of its context; who has to hear of it is told by `spread`. */
export class Writer {
  readonly #context: LinkContext;
  readonly #codec: EntryCodec;
  readonly #spread: (slot: Slot) => void;

  constructor(context: LinkContext, codec: EntryCodec, spread: (slot: Slot) => void) {
    this.#context = context;
    this.#codec = codec;
    this.#spread = spread;
  }

  /** Writes all or nothing and answers the command; `false` when nothing was written. */
  write(command: WriteCommand, now: Millis, out: ReplicationEffect[]): boolean {
    const { store, clock, config, counters, awaits, agreed } = this.#context;
    const { op, writes } = command;
    for (const write of writes) {
      const result = objectionTo(write, config.valueBytesMax);
      if (result !== undefined) {
        out.push({ type: "settled", op, result });
        return false;
      }
    }
    const version = stampFor(writes, store, clock.time(now), config);
    const number = ++agreed.ownNumber;
    const entries = writes.map((write) => entryOf(write, version, number, this.#codec));
    for (const entry of entries) {
      const { slot, old } = store.place(entry, store.find(entry.type, entry.key));
      counters.writes++;
      this.#spread(slot);
      this.#context.emit({ type: "changed", entry, old, local: true }, out);
    }
    out.push({ type: "settled", op, result: { ok: true, version } });
    if (command.level !== undefined) awaits.begin(command, entries, version, now, out);
    return true;
  }

  /** Gives an entry a new stamp that counts. */
  restamp(slot: Slot, now: Millis, out: ReplicationEffect[]): void {
    const { store, clock, config, counters, awaits, agreed } = this.#context;
    const stamp = nextStamp(clock.time(now), undefined);
    const version: Version = { ...stamp, origin: config.nodeId, boot: config.bootId };
    const before = slot.entry;
    const bytes = this.#codec.restamp(before.bytes, version, agreed.ownNumber + 1);
    if (bytes === undefined) return;
    const number = ++agreed.ownNumber;
    store.place({ ...before, version, number, bytes }, slot);
    counters.restamped++;
    awaits.restamped(before.version, slot.entry);
    this.#spread(slot);
    this.#context.emit({ type: "restamped", entry: slot.entry }, out);
  }
}
