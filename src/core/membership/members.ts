/**
 * The member table: by name, and as a list in probing order (memberlist.md 3.1, 3.10).
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { Rng } from "../rng.ts";
import type { Member, MemberState } from "./contract.ts";
import type { MemberRecord } from "./member_record.ts";

/** All members known, ourselves, the dead and the left included, until they are reaped. */
export class Members {
  readonly #rng: Rng;
  readonly #byName: Map<string, MemberRecord> = new Map();
  #list: MemberRecord[] = [];
  #live = 0;
  #revision = 0;
  #views: readonly Member[] | undefined;

  /** The dice decide where newcomers stand in the list. */
  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** Everybody known; the *n* of all scaling formulas. */
  get size(): number {
    return this.#list.length;
  }

  /** Alive or suspect members, ourselves included. */
  get live(): number {
    return this.#live;
  }

  /** Another number after every change that a peer would see in our state. */
  get revision(): number {
    return this.#revision;
  }

  /** In probing order; not to be kept across inputs. */
  get list(): readonly MemberRecord[] {
    return this.#list;
  }

  /** The member of that name. */
  get(name: string): MemberRecord | undefined {
    return this.#byName.get(name);
  }

  /** Appends, then swaps with a random place, so that newcomers are probed at a random time. */
  add(record: MemberRecord): void {
    this.#byName.set(record.name, record);
    const last = this.#list.length;
    const place = this.#rng.below(last);
    this.#list.push(record);
    record.index = last;
    if (last > 0) this.#swap(place, last);
    if (record.live) this.#live++;
    this.#revision++;
    this.#views = undefined;
  }

  /** Moves a member to another state; counts, and stamps the change if it is one. */
  setState(record: MemberRecord, state: MemberState, now: Millis): void {
    if (record.state === state) return;
    const wasLive = record.live;
    record.state = state;
    record.stateChangedMs = now;
    this.#revision++;
    if (record.live !== wasLive) this.#live += wasLive ? -1 : 1;
  }

  /** Forgets the views that this change made stale. */
  changed(record: MemberRecord): void {
    this.#revision++;
    this.measured(record);
  }

  /** The same for what concerns nobody but us, such as a round-trip time. */
  measured(record: MemberRecord): void {
    record.changed();
    this.#views = undefined;
  }

  /** Takes out everyone but `self` dead or left since before `olderThan`, shuffles the rest, answers whom it took. */
  reap(olderThan: Millis, self: MemberRecord): readonly MemberRecord[] {
    const kept: MemberRecord[] = [];
    const reaped: MemberRecord[] = [];
    for (const record of this.#list) {
      const old = !record.live && record !== self && record.stateChangedMs < olderThan;
      (old ? reaped : kept).push(record);
    }
    for (const record of reaped) this.#byName.delete(record.name);
    this.#list = this.#rng.shuffle(kept);
    for (let i = 0; i < kept.length; i++) (kept[i] as MemberRecord).index = i;
    if (reaped.length > 0) {
      this.#revision++;
      this.#views = undefined;
    }
    return reaped;
  }

  /** Up to `k` different members that `skip` does not exclude; may answer fewer than there are. */
  pick(k: number, skip: (record: MemberRecord) => boolean): MemberRecord[] {
    const picked: MemberRecord[] = [];
    const n = this.#list.length;
    if (k <= 0) return picked;
    if (n < 3 * k) {
      for (const record of this.#rng.shuffle([...this.#list])) {
        if (picked.length === k) break;
        if (!skip(record)) picked.push(record);
      }
      return picked;
    }
    for (let draws = 0; draws < 3 * n && picked.length < k; draws++) {
      const record = this.#list[this.#rng.below(n)] as MemberRecord;
      if (!skip(record) && !picked.includes(record)) picked.push(record);
    }
    return picked;
  }

  /** Immutable views of all, in probing order; the same array until something changes. */
  views(): readonly Member[] {
    return this.#views ??= Object.freeze(this.#list.map((record) => record.view()));
  }

  #swap(a: number, b: number): void {
    const x = this.#list[a] as MemberRecord;
    const y = this.#list[b] as MemberRecord;
    this.#list[a] = y;
    this.#list[b] = x;
    y.index = a;
    x.index = b;
  }
}
