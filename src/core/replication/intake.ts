/**
 * Takes entries from peers: checks each, keeps what is newer, refuses what does not count.
 *
 * @module
 */

import { compareVersions, isTooFarAhead } from "../hlc.ts";
import type { Millis } from "../machine.ts";
import { DELETED } from "./agreed.ts";
import type { ReplicationEffect } from "./contract.ts";
import {
  ENTRY_OVERHEAD_BYTES_MAX,
  type EntryCodec,
  KEY_BYTES_MAX,
  type StoredEntry,
  TYPE_BYTES_MAX,
} from "./entry.ts";
import type { Refusal } from "./frames.ts";
import { FUTURE_STAMP, type LinkContext } from "./link_host.ts";
import type { Slot } from "./store.ts";
import { fitsUtf8, isPlausibleVersion } from "./versions.ts";

/** An origin with a clock ahead of ours is told of this often. */
const ALARM_GAP_MS = 60_000;

/** Origins whose alarms are told apart. */
const ALARM_ORIGINS_MAX = 256;

/** What became of a batch, as far as its sender has to know. */
export interface Taken {
  /** Not taken. */
  readonly refused: Refusal[];
  /** Held here in a newer version that has expired: no digest shows it, so the sender must be told. */
  readonly behind: readonly Slot[];
  /** Everything was taken, or was forgotten here for good reason: claims about it hold. */
  readonly isWhole: boolean;
}

/** The gate between what peers send and the store. */
export class Intake {
  readonly #context: LinkContext;
  readonly #codec: EntryCodec;
  readonly #alarmedAt: Map<string, Millis> = new Map();

  constructor(context: LinkContext, codec: EntryCodec) {
    this.#context = context;
    this.#codec = codec;
  }

  /** Applies encoded entries in order and tells what changed. */
  apply(
    entries: readonly Uint8Array[],
    from: string,
    now: Millis,
    out: ReplicationEffect[],
  ): Taken {
    const { store, counters, clock, awaits } = this.#context;
    const time = clock.time(now);
    const refused: Refusal[] = [];
    const behind: Slot[] = [];
    let isWhole = true;
    for (const bytes of entries) {
      const entry = this.#read(bytes);
      if (entry === undefined) {
        counters.malformed++;
        isWhole = false;
        continue;
      }
      const objection = this.#objection(entry, from, time, now, out);
      if (objection !== undefined) {
        if (objection !== DELETED) isWhole = false;
        refused.push({ type: entry.type, key: entry.key, reason: objection });
        continue;
      }
      if (awaits.size > 0) awaits.holds(from, entry, out);
      const slot = store.find(entry.type, entry.key);
      // What is forgotten here will be forgotten there as well.
      if (slot === undefined && store.isForgotten(entry, time)) {
        if (entry.deleted) counters.stale++;
        else counters.expiredOnArrival++;
        continue;
      }
      const change = store.offer(entry);
      if (change === undefined) {
        counters.stale++;
        if (slot?.expired === true && isOlder(entry, slot)) behind.push(slot);
        continue;
      }
      counters.applied++;
      const { old } = change;
      this.#context.emit({ type: "changed", entry: change.slot.entry, old, local: false }, out);
    }
    return { refused, behind, isWhole };
  }

  #read(bytes: Uint8Array): StoredEntry | undefined {
    if (bytes.length > this.#context.config.valueBytesMax + ENTRY_OVERHEAD_BYTES_MAX) {
      return undefined;
    }
    const entry = this.#codec.head(bytes);
    if (entry === undefined || entry.type === "" || entry.key === "") return undefined;
    if (!fitsUtf8(entry.type, TYPE_BYTES_MAX) || !fitsUtf8(entry.key, KEY_BYTES_MAX)) {
      return undefined;
    }
    return isPlausibleVersion(entry.version) ? entry : undefined;
  }

  #objection(
    entry: StoredEntry,
    from: string,
    time: number,
    now: Millis,
    out: ReplicationEffect[],
  ): string | undefined {
    const { store, counters, config, agreed } = this.#context;
    if (isTooFarAhead(entry.version, time, config.clockSkewMaxMs)) {
      counters.futureStamps++;
      this.#alarm(entry, from, entry.version.wallMs - time, now, out);
      return FUTURE_STAMP;
    }
    const isLacking = store.find(entry.type, entry.key) === undefined;
    // Its delete is forgotten, but not that there was one.
    if (isLacking && isLive(entry, time) && agreed.covers(entry)) {
      counters.deletedOnArrival++;
      return DELETED;
    }
    const isFull = store.bytes + entry.bytes.length > config.storeBytesMax;
    if (isFull && isLacking) {
      counters.refused++;
      return "store-full";
    }
    return undefined;
  }

  #alarm(
    { type, key, version: { origin } }: StoredEntry,
    from: string,
    aheadMs: Millis,
    now: Millis,
    out: ReplicationEffect[],
  ): void {
    if (now - (this.#alarmedAt.get(origin) ?? -Infinity) < ALARM_GAP_MS) return;
    this.#alarmedAt.delete(origin);
    if (this.#alarmedAt.size >= ALARM_ORIGINS_MAX) {
      for (const oldest of this.#alarmedAt.keys()) {
        this.#alarmedAt.delete(oldest);
        break;
      }
    }
    this.#alarmedAt.set(origin, now);
    this.#context.emit(
      { type: "futureStamp", origin, from, entityType: type, key, aheadMs: Math.round(aheadMs) },
      out,
    );
  }
}

function isLive({ deleted, expiresMs = Infinity }: StoredEntry, time: number): boolean {
  return !deleted && expiresMs > time;
}

function isOlder({ version }: StoredEntry, slot: Slot): boolean {
  return compareVersions(version, slot.entry.version) < 0;
}
