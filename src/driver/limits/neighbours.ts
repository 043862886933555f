/**
 * What goes between the limits of this node and those of its peers: who is in touch, and messages of leased limits.
 *
 * @module
 */

import { Acknowledgers } from "../../core/limits/acknowledgers.ts";
import { writerKey } from "../../core/limits/cell_key.ts";
import type { WriterId } from "../../core/limits/contract.ts";
import type { LeasedMessage } from "../../core/limits/leased/messages.ts";
import type { Millis } from "../../core/machine.ts";
import type { KnownMember } from "../member_view.ts";
import { Company } from "./company.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope, type Touch } from "./envelope.ts";
import { cutParcel, ParcelReader } from "./parcels.ts";

/** The channel of our messages. */
export const LIMITS_CHANNEL = "limits";

/** How long a peer that asked is counted; see {@linkcode Acknowledgers}. */
export const DROP_MS = 5_000;

/** Peers are asked this often, and sooner while one of them does not count us. */
const TOUCH_EVERY_MS = DROP_MS / 5;
const TOUCH_AGAIN_MS = 100;

/** What the neighbours are told and asked. */
export interface NeighbourParts {
  readonly self: WriterId;
  readonly expectedNodes: number;
  /** Says bytes to a peer; `false` when they can't go. */
  readonly send: (peer: string, payload: Uint8Array) => boolean;
  /** Number of our last write. */
  readonly written: () => number;
  /** What we say of ourselves. */
  readonly about: () => Omit<Touch, "at">;
  readonly onSettled: (key: string, word: number) => void;
  readonly onInTouch: (peer: WriterId, sinceMs: Millis) => void;
  readonly onLeased: (from: string, messages: readonly LeasedMessage[]) => void;
  /** A peer said something new of itself. */
  readonly onNews: () => void;
}

interface Sync {
  /** What the peer must have seen of our writes. */
  readonly number: number;
  /** What it knows then. */
  readonly words: ReadonlyMap<string, number>;
}

/** See the module. */
export class Neighbours {
  readonly company: Company;
  readonly #parts: NeighbourParts;
  readonly #acknowledgers: Acknowledgers;
  /** Newest word of each of our cells. */
  readonly #words: Map<string, number> = new Map();
  /** Peers that are not counted yet, by boot. */
  readonly #syncs: Map<string, Sync> = new Map();
  readonly #readers: Map<string, ParcelReader> = new Map();
  /** Boots of peers as they were last looked at. */
  #boots: Map<string, string> = new Map();
  #parcels = 0;
  #touchAt: Millis = -Infinity;
  /** Messages that did not decode or could not be cut. */
  lost = 0;

  /** Knows nobody. */
  constructor(parts: NeighbourParts) {
    this.#parts = parts;
    this.company = new Company(parts.self, parts.expectedNodes);
    this.#acknowledgers = new Acknowledgers(DROP_MS, parts.onSettled);
  }

  /** The newest word we wrote of a cell; 0: none. */
  wordOf(key: string): number {
    return this.#words.get(key) ?? 0;
  }

  /** When {@linkcode Neighbours.tick} is wanted. */
  get deadline(): Millis {
    return Math.min(this.#touchAt, this.#acknowledgers.next() ?? Infinity);
  }

  /** Does what time asks for. */
  tick(now: Millis): void {
    this.#acknowledgers.expire(now);
    if (now >= this.#touchAt) this.touch(now);
  }

  /** Asks everybody whether we are counted, and says how we are. */
  touch(now: Millis): void {
    this.#touchAt = now + TOUCH_EVERY_MS;
    const touch = { at: now, ...this.#parts.about() };
    for (const peer of this.company.reachable()) this.#say(peer, { touch });
  }

  /** The members changed, as far as gossip knows. */
  look(members: readonly KnownMember[], now: Millis): void {
    this.company.look(members, now);
    const boots = new Map<string, string>();
    let isNew = false;
    for (const node of this.company.nodes()) {
      const boot = this.company.bootOf(node) as string;
      boots.set(node, boot);
      if (this.#boots.get(node) !== boot) isNew = true;
    }
    // A dead boot may come back; it is no longer counted when it has not asked for long enough.
    for (const [node, boot] of this.#boots) {
      if (boots.get(node) !== boot) this.#forget(writerKey(node, boot));
    }
    for (const node of this.#readers.keys()) if (!boots.has(node)) this.#readers.delete(node);
    this.#boots = boots;
    if (isNew) this.touch(now);
  }

  /** Our cell is at this word now. */
  wrote(key: string, word: number): void {
    this.#words.set(key, word);
    this.#acknowledgers.wrote(key, word);
  }

  /** A cell of ours is over and done. */
  forgetCell(key: string): void {
    this.#words.delete(key);
    this.#acknowledgers.forgetCell(key);
  }

  /** A peer's boot has our cell at this word, or later. */
  acked(peer: WriterId, key: string, word: number): void {
    this.#acknowledgers.acked(writerKey(peer.node, peer.boot), key, word);
  }

  /** A peer's boot has seen our writes up to this number. */
  caughtUp(peer: WriterId, number: number): void {
    const name = writerKey(peer.node, peer.boot);
    const sync = this.#syncs.get(name);
    if (sync === undefined || number < sync.number) return;
    this.#syncs.delete(name);
    for (const [key, word] of sync.words) {
      if (this.#words.has(key)) this.#acknowledgers.acked(name, key, word);
    }
  }

  /** Says something about leased limits. */
  sayLeased(peer: string, leased: readonly LeasedMessage[]): void {
    this.#say(peer, { leased });
  }

  /** A message of a peer came. */
  receive(peer: string, payload: Uint8Array, now: Millis): void {
    let reader = this.#readers.get(peer);
    if (reader === undefined) this.#readers.set(peer, reader = new ParcelReader());
    const bytes = reader.add(payload);
    if (bytes === undefined) return;
    const said = decodeEnvelope(bytes);
    if (said === undefined) {
      this.lost++;
      return;
    }
    const { boot, touch, touched, leased } = said;
    if (touch !== undefined) this.#touched({ node: peer, boot }, touch, now);
    if (touched !== undefined && touched.asker === this.#parts.self.boot && touched.at <= now) {
      if (touched.counted) this.#parts.onInTouch({ node: peer, boot }, touched.at);
      else this.#touchAt = Math.min(this.#touchAt, now + TOUCH_AGAIN_MS);
    }
    if (leased !== undefined) this.#parts.onLeased(peer, leased);
  }

  #touched(peer: WriterId, touch: Touch, now: Millis): void {
    const { node, boot } = peer;
    const counted = touch.ready && this.#isCounted(peer, now);
    this.#say(node, { touched: { at: touch.at, asker: boot, counted } });
    this.company.said(node, boot, touch);
    this.#parts.onNews();
  }

  #isCounted(peer: WriterId, now: Millis): boolean {
    const known = this.company.bootOf(peer.node);
    if (known !== undefined && known !== peer.boot) return false;
    const name = writerKey(peer.node, peer.boot);
    if (this.#acknowledgers.asked(name, now)) {
      this.#syncs.delete(name);
      return true;
    }
    if (!this.#syncs.has(name)) {
      this.#syncs.set(name, { number: this.#parts.written(), words: new Map(this.#words) });
    }
    return false;
  }

  #forget(peer: string): void {
    this.#acknowledgers.forgetPeer(peer);
    this.#syncs.delete(peer);
  }

  #say(peer: string, said: Omit<Envelope, "boot">): void {
    const bytes = encodeEnvelope({ boot: this.#parts.self.boot, ...said });
    const pieces = cutParcel(++this.#parcels % 0x1_0000_0000, bytes);
    if (pieces === undefined) {
      this.lost++;
      return;
    }
    for (const piece of pieces) if (!this.#parts.send(peer, piece)) return;
  }
}
