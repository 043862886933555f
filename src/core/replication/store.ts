/**
 * What a node holds: one entry per type and key, the newest by version, tombstones included until their horizon, values
 * that expired until their grace is over.
 *
 * @module
 */

import { Deadlines } from "../deadlines.ts";
import { compareVersions } from "../hlc.ts";
import type { Millis, WallMillis } from "../machine.ts";
import { type DigestItem, DigestTree } from "./digest.ts";
import { EXPIRED_GRACE_MS, type StoredEntry } from "./entry.ts";
import { hashKeyHigh, hashKeyLow, hashVersion } from "./key_hash.ts";
import { type Lane, laneOf, SECURITY_LANE } from "./lanes.ts";

/** The place of one key: stays the same object while the key is held, so that links can point at it. */
export interface Slot extends DigestItem {
  /** The newest entry. */
  entry: StoredEntry;
  /** Lane of the type's live values. */
  readonly lane: Lane;
  /** False once the key was purged. */
  held: boolean;
  /** The numbered value that a tombstone replaced here. */
  buried: StoredEntry | undefined;
  /** The newest entry has expired: it reads as absent and is left out of digests. */
  expired: boolean;
}

/** The lane in which a slot's newest entry travels: deletes go first, whatever their type. */
export function travelLane(slot: Slot): Lane {
  return slot.entry.deleted ? SECURITY_LANE : slot.lane;
}

/** What an accepted entry did. */
export interface Change {
  readonly slot: Slot;
  /** What was there before; `undefined` when nothing was, or it had expired. */
  readonly old: StoredEntry | undefined;
}

const NO_BYTES = new Uint8Array(0);

/** What a key costs beyond its bytes, roughly: slot, entry, version, map and tree places. */
const SLOT_BYTES = 400;

/** The entries, their digest tree, and when values expire and keys are forgotten. */
export class Store {
  readonly #types: Map<string, Map<string, Slot>> = new Map();
  readonly #customLanes: ReadonlyMap<string, Lane> | undefined;
  readonly #horizonMs: Millis;
  /** When live values expire. */
  readonly #expiries: Deadlines<Slot> = new Deadlines();
  /** When tombstones and expired values are forgotten. */
  readonly #purges: Deadlines<Slot> = new Deadlines();
  /** Digests of everything held that has not expired. */
  readonly tree: DigestTree<Slot> = new DigestTree();
  #size = 0;
  #bytes = 0;
  #tombstones = 0;

  constructor(tombstoneHorizonMs: Millis, customLanes?: ReadonlyMap<string, Lane>) {
    this.#horizonMs = tombstoneHorizonMs;
    this.#customLanes = customLanes;
  }

  /** Keys held, tombstones included. */
  get size(): number {
    return this.#size;
  }

  /** Tombstones held. */
  get tombstones(): number {
    return this.#tombstones;
  }

  /** Estimated bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Types held, in the order in which they were first seen. */
  types(): IterableIterator<string> {
    return this.#types.keys();
  }

  /** The slot of a key. */
  find(type: string, key: string): Slot | undefined {
    return this.#types.get(type)?.get(key);
  }

  /** The slots of a type in the order in which the keys were first seen; live: keys added meanwhile come last. */
  slots(type: string): IterableIterator<Slot> {
    return (this.#types.get(type) ?? new Map<string, Slot>()).values();
  }

  /** The newest entry of a key; nothing once it has expired, to the moment if the time is given. */
  read(type: string, key: string, wallMs?: WallMillis): StoredEntry | undefined {
    const slot = this.find(type, key);
    return slot === undefined || hasExpired(slot, wallMs) ? undefined : slot.entry;
  }

  /** The entries of a type as `read` sees them, in the order in which their keys were first seen. */
  *entries(type: string, wallMs?: WallMillis): Generator<StoredEntry> {
    for (const slot of this.slots(type)) if (!hasExpired(slot, wallMs)) yield slot.entry;
  }

  /** Keys held of a type. */
  sizeOf(type: string): number {
    return this.#types.get(type)?.size ?? 0;
  }

  /** In which lane the type's live values travel. */
  laneOfType(type: string): Lane {
    return laneOf(type, this.#customLanes);
  }

  /** Takes an entry if it is newer than what is held; `undefined` when it is not: late and doubled ones change nothing. */
  offer(entry: StoredEntry): Change | undefined {
    const slot = this.find(entry.type, entry.key);
    if (slot !== undefined && compareVersions(entry.version, slot.entry.version) <= 0) {
      return undefined;
    }
    return this.place(entry, slot);
  }

  /** Puts an entry in place whatever is held: our own write, or a new stamp. `slot` is the key's, if it has one. */
  place(given: StoredEntry, slot: Slot | undefined): Change {
    const entry = owned(given);
    const { type, key, version } = entry;
    if (slot === undefined) {
      const fresh: Slot = {
        hashHigh: hashKeyHigh(type, key),
        hashLow: hashKeyLow(type, key),
        digestHigh: 0,
        digestLow: 0,
        entry,
        lane: this.laneOfType(type),
        held: true,
        buried: undefined,
        expired: false,
      };
      fresh.digestHigh = hashVersion(version, fresh.hashHigh);
      fresh.digestLow = hashVersion(version, fresh.hashLow);
      this.#keysOf(type).set(key, fresh);
      this.tree.add(fresh);
      this.#size++;
      this.#bytes += SLOT_BYTES + entry.bytes.length;
      if (entry.deleted) this.#tombstones++;
      this.#arm(fresh);
      return { slot: fresh, old: undefined };
    }
    const old = slot.entry;
    const { expired } = slot;
    slot.entry = entry;
    // A tombstone over a tombstone buries what the first one did.
    if (!entry.deleted) slot.buried = undefined;
    else if (!old.deleted) slot.buried = headOnly(old);
    const high = hashVersion(version, slot.hashHigh);
    const low = hashVersion(version, slot.hashLow);
    if (expired) {
      slot.expired = false;
      slot.digestHigh = high;
      slot.digestLow = low;
      this.tree.add(slot);
    } else {
      this.tree.change(slot, high, low);
    }
    this.#bytes += entry.bytes.length - old.bytes.length;
    this.#tombstones += Number(entry.deleted) - Number(old.deleted);
    this.#arm(slot);
    return { slot, old: expired ? undefined : old };
  }

  /** When the next value expires or the next key is forgotten, on the wall clock. */
  nextExpiry(): WallMillis | undefined {
    const at = Math.min(this.#expiries.next() ?? Infinity, this.#purges.next() ?? Infinity);
    return at === Infinity ? undefined : at;
  }

  /** Whether nobody remembers the entry any more: a tombstone past its horizon, a value expired beyond its grace. */
  isForgotten(entry: StoredEntry, wallMs: WallMillis): boolean {
    return this.#forgetAt(entry) <= wallMs;
  }

  /** Lets up to `most` values expire; answers them. */
  expire(wallMs: WallMillis, most: number): StoredEntry[] {
    const expired: StoredEntry[] = [];
    while (expired.length < most) {
      const slot = this.#expiries.pop(wallMs);
      if (slot === undefined) break;
      slot.expired = true;
      this.tree.remove(slot);
      this.#purges.set(slot, this.#forgetAt(slot.entry));
      expired.push(slot.entry);
    }
    return expired;
  }

  /** Forgets up to `most` tombstones past their horizon and values expired beyond their grace; answers how many. */
  purge(wallMs: WallMillis, most: number, gone: (slot: Slot) => void = () => {}): number {
    let purged = 0;
    while (purged < most) {
      const slot = this.#purges.pop(wallMs);
      if (slot === undefined) break;
      this.drop(slot);
      purged++;
      gone(slot);
    }
    return purged;
  }

  /** Forgets a key without a trace. */
  drop(slot: Slot): void {
    const { type, key, bytes, deleted } = slot.entry;
    slot.held = false;
    this.#expiries.delete(slot);
    this.#purges.delete(slot);
    if (!slot.expired) this.tree.remove(slot);
    if (deleted) this.#tombstones--;
    const keys = this.#keysOf(type);
    keys.delete(key);
    if (keys.size === 0) this.#types.delete(type);
    this.#size--;
    this.#bytes -= SLOT_BYTES + bytes.length;
  }

  #keysOf(type: string): Map<string, Slot> {
    let keys = this.#types.get(type);
    if (keys === undefined) {
      keys = new Map();
      this.#types.set(type, keys);
    }
    return keys;
  }

  /** When the entry is forgotten; `Infinity` for a value that stays. */
  #forgetAt({ deleted, version, expiresMs = Infinity }: StoredEntry): WallMillis {
    return deleted ? version.wallMs + this.#horizonMs : expiresMs + EXPIRED_GRACE_MS;
  }

  #arm(slot: Slot): void {
    const { deleted, expiresMs } = slot.entry;
    if (expiresMs === undefined) this.#expiries.delete(slot);
    else this.#expiries.set(slot, expiresMs);
    if (deleted) this.#purges.set(slot, this.#forgetAt(slot.entry));
    else this.#purges.delete(slot);
  }
}

function hasExpired(
  { expired, entry: { expiresMs = Infinity } }: Slot,
  wallMs = -Infinity,
): boolean {
  return expired || expiresMs <= wallMs;
}

/** Who wrote it, without its bytes. */
function headOnly({ type, key, version, number }: StoredEntry): StoredEntry | undefined {
  if (number === undefined) return undefined;
  return { type, key, version, number, deleted: false, bytes: NO_BYTES };
}

/** The entry with bytes of its own: a view would keep the whole frame it came in. */
function owned(entry: StoredEntry): StoredEntry {
  if (entry.bytes.byteLength === entry.bytes.buffer.byteLength) return entry;
  return { ...entry, bytes: entry.bytes.slice() };
}
