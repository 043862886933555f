/**
 * What others have told, for as long as it holds.
 *
 * @module
 */

import type { Millis } from "../../mod.ts";
import type { Dice } from "./effects.ts";
import { dataKey, type MdnsRecord, setKey } from "./record.ts";

/** A record and how long it holds. */
export interface Cached {
  readonly record: MdnsRecord;
  readonly receivedMs: Millis;
  /** When it ends; `Infinity` for one that has ended and is kept as the last that was heard. */
  expiresMs: Millis;
  /** When it is asked for again, so that it does not end. */
  refreshMs: Millis;
  /** How often it was asked for again. */
  asked: number;
  /** Taken back, or replaced by its owner: it ends for good. */
  isDoomed: boolean;
  /** It has ended although nobody took it back. */
  isStale: boolean;
}

/** Parts of its time after which a record is asked for again (RFC 6762 5.2), and how much later by the dice. */
const REFRESH_AT: readonly number[] = [0.8, 0.85, 0.9, 0.95];
const REFRESH_JITTER = 0.02;
/** Nobody is believed for longer than DNS-SD's own records last, or asked again more often than this. */
const TTL_MAX_S = 4_500;
const REFRESH_TTL_MIN_S = 10;
/** What is taken back ends so much later (RFC 6762 10.1, 10.2), in which others may object. */
const GRACE_MS: Millis = 1_000;

/** Records by name and type. Bounded by its user, who decides what is put in and what is dropped. */
export class RecordCache {
  readonly #sets = new Map<string, Map<string, Cached>>();
  readonly #dice: Dice;
  /** Not later than anything that is due. */
  #soonestMs: Millis = Infinity;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** When something may be due; never too late. */
  get deadlineMs(): Millis {
    return this.#soonestMs;
  }

  /** Everything of a name and type, the one longest unheard of first. */
  all(name: string, type: string): readonly Cached[] {
    return [...this.#sets.get(setKey(name, type))?.values() ?? []];
  }

  /** How many there are of a name and type. */
  count(name: string, type: string): number {
    return this.#sets.get(setKey(name, type))?.size ?? 0;
  }

  /** The one that says just this. */
  find(record: MdnsRecord): Cached | undefined {
    return this.#sets.get(setKey(record.name, record.data.type))?.get(dataKey(record.data));
  }

  /** Believes a record; of a set that is to hold `max` at most, the one longest unheard of makes room, and is answered. */
  put(record: MdnsRecord, max: number, now: Millis): MdnsRecord | undefined {
    const key = setKey(record.name, record.data.type);
    const set = this.#sets.get(key) ?? new Map<string, Cached>();
    const data = dataKey(record.data);
    if (record.ttlS === 0) {
      this.#doom(set.get(data), now);
      return undefined;
    }
    if (record.unique) {
      for (const [other, cached] of set) {
        if (other === data) continue;
        if (cached.isStale) set.delete(other);
        else if (cached.receivedMs < now - GRACE_MS) this.#doom(cached, now);
      }
    }
    set.delete(data);
    const [oldest] = set.size >= max ? set : [];
    if (oldest !== undefined) set.delete(oldest[0]);
    const cached: Cached = {
      record,
      receivedMs: now,
      expiresMs: now + Math.min(record.ttlS, TTL_MAX_S) * 1_000,
      refreshMs: Infinity,
      asked: 0,
      isDoomed: false,
      isStale: false,
    };
    this.#planRefresh(cached);
    set.set(data, cached);
    this.#sets.set(key, set);
    this.#soonestMs = Math.min(this.#soonestMs, cached.refreshMs, cached.expiresMs);
    return oldest?.[1].record;
  }

  /** Drops all of a name and type. */
  drop(name: string, type: string): void {
    this.#sets.delete(setKey(name, type));
  }

  /** It was asked for again, by whomever. */
  wasAsked(cached: Cached): void {
    cached.asked++;
    this.#planRefresh(cached);
    this.#soonestMs = Math.min(this.#soonestMs, cached.refreshMs);
  }

  /** What to ask for again by `now`. */
  toRefresh(now: Millis): readonly Cached[] {
    return this.#everything().filter(({ refreshMs }) => refreshMs <= now);
  }

  /** Ends what has to end: drops what was taken back, and marks the rest as stale. Answers what ended. */
  expire(now: Millis): readonly Cached[] {
    const ended: Cached[] = [];
    let soonestMs = Infinity;
    for (const [key, set] of this.#sets) {
      for (const [data, cached] of set) {
        if (cached.expiresMs <= now) {
          ended.push(cached);
          if (cached.isDoomed) set.delete(data);
          else Object.assign(cached, { isStale: true, expiresMs: Infinity, refreshMs: Infinity });
        }
        soonestMs = Math.min(soonestMs, cached.refreshMs, cached.expiresMs);
      }
      if (set.size === 0) this.#sets.delete(key);
    }
    this.#soonestMs = soonestMs;
    return ended;
  }

  /** Drops what does not suit. */
  keep(suits: (cached: Cached) => boolean): void {
    for (const [key, set] of this.#sets) {
      for (const [data, cached] of set) if (!suits(cached)) set.delete(data);
      if (set.size === 0) this.#sets.delete(key);
    }
  }

  #everything(): readonly Cached[] {
    return [...this.#sets.values()].flatMap((set) => [...set.values()]);
  }

  #doom(cached: Cached | undefined, now: Millis): void {
    if (cached === undefined || cached.isDoomed) return;
    cached.isDoomed = true;
    cached.refreshMs = Infinity;
    cached.expiresMs = Math.min(cached.expiresMs, now + GRACE_MS);
    this.#soonestMs = Math.min(this.#soonestMs, cached.expiresMs);
  }

  #planRefresh(cached: Cached): void {
    const part = REFRESH_AT[cached.asked];
    const { ttlS } = cached.record;
    if (part === undefined || ttlS < REFRESH_TTL_MIN_S) cached.refreshMs = Infinity;
    else {
      const ms = Math.min(ttlS, TTL_MAX_S) * 1_000;
      cached.refreshMs = cached.receivedMs + ms * (part + this.#dice() * REFRESH_JITTER);
    }
  }
}
