/**
 * Who must know of our cells before we take more, and until when.
 *
 * Two promises carry the bound that reads print. To a peer that asks, we say whether we count it; if so, we go on
 * counting it for `dropMs` from then, whatever membership says meanwhile. And we count a peer (again) only once it has
 * everything that what we may take relies on. So a peer that was counted when it asked knows, for nearly `dropMs` from
 * its asking, that we take no more than our words announced to it.
 *
 * The driver asks every peer often enough (every `dropMs` / 4), tells the limits machine of each yes as `inTouch` with
 * the instant of the asking, and hands on what is `settled`.
 *
 * @module
 */

import type { Millis } from "../machine.ts";

interface OwnCell {
  word: number;
  settled: number;
}

interface Peer {
  isCounted: boolean;
  /** Counted at least until then. */
  until: Millis;
  /** The newest word that the peer is known to have, by key. */
  readonly acked: Map<string, number>;
}

/** Called when all that are counted know our word `word` of the cell `key`. */
export type OnSettled = (key: string, word: number) => void;

/** See the module. Peers are named by any text that differs between their boots. */
export class Acknowledgers {
  readonly #dropMs: Millis;
  readonly #onSettled: OnSettled;
  readonly #cells: Map<string, OwnCell> = new Map();
  readonly #peers: Map<string, Peer> = new Map();

  /** `onSettled` is called within the calls below, never with a lower word than before. */
  constructor(dropMs: Millis, onSettled: OnSettled) {
    this.#dropMs = dropMs;
    this.#onSettled = onSettled;
  }

  /** How many peers are counted. */
  get counted(): number {
    let count = 0;
    for (const { isCounted } of this.#peers.values()) if (isCounted) count++;
    return count;
  }

  /** We wrote a word. With nobody to wait for it is settled at once. */
  wrote(key: string, word: number): void {
    const cell = this.#cells.get(key);
    if (cell === undefined) this.#cells.set(key, { word, settled: 0 });
    else cell.word = Math.max(cell.word, word);
    this.#settle(key);
  }

  /** A peer has our word `word` of a cell, or a later one. */
  acked(peer: string, key: string, word: number): void {
    const cell = this.#cells.get(key);
    if (cell === undefined || word > cell.word) return;
    const { acked } = this.#peer(peer);
    if (word <= (acked.get(key) ?? 0)) return;
    acked.set(key, word);
    this.#settle(key);
  }

  /** A peer has everything we have written so far. */
  synced(peer: string): void {
    for (const [key, { word }] of this.#cells) this.acked(peer, key, word);
  }

  /** A peer asks whether it is counted; a yes binds us for `dropMs`. */
  asked(peer: string, now: Millis): boolean {
    const record = this.#peer(peer);
    if (!record.isCounted && this.#knowsEnough(record)) record.isCounted = true;
    if (record.isCounted) record.until = now + this.#dropMs;
    return record.isCounted;
  }

  /** When {@linkcode Acknowledgers.expire} is wanted next. */
  next(): Millis | undefined {
    let next: Millis | undefined;
    for (const { isCounted, until } of this.#peers.values()) {
      if (isCounted && (next === undefined || until < next)) next = until;
    }
    return next;
  }

  /** Stops counting peers that have not asked for `dropMs`. */
  expire(now: Millis): void {
    let isChanged = false;
    for (const record of this.#peers.values()) {
      if (!record.isCounted || record.until > now) continue;
      record.isCounted = false;
      isChanged = true;
    }
    if (isChanged) { for (const key of this.#cells.keys()) this.#settle(key); }
  }

  /** A boot is gone for good, or left: it is not waited for. */
  forgetPeer(peer: string): void {
    if (!this.#peers.delete(peer)) return;
    for (const key of this.#cells.keys()) this.#settle(key);
  }

  /** A cell's window is over and done. */
  forgetCell(key: string): void {
    this.#cells.delete(key);
    for (const { acked } of this.#peers.values()) acked.delete(key);
  }

  #knowsEnough({ acked }: Peer): boolean {
    for (const [key, { settled }] of this.#cells) {
      if ((acked.get(key) ?? 0) < settled) return false;
    }
    return true;
  }

  #settle(key: string): void {
    const cell = this.#cells.get(key) as OwnCell;
    let known = cell.word;
    for (const { isCounted, acked } of this.#peers.values()) {
      if (isCounted) known = Math.min(known, acked.get(key) ?? 0);
    }
    if (known <= cell.settled) return;
    cell.settled = known;
    this.#onSettled(key, known);
  }

  #peer(peer: string): Peer {
    let record = this.#peers.get(peer);
    if (record === undefined) {
      record = { isCounted: false, until: -Infinity, acked: new Map() };
      this.#peers.set(peer, record);
    }
    return record;
  }
}
