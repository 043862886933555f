/**
 * Who has heard which broadcast, so that each transmission reaches somebody who lacks it.
 *
 * @module
 */

import type { Address } from "../machine.ts";

/** Learns what becomes of a broadcast. */
export interface BroadcastWatch {
  /** It was sent once more, `transmits` times by now. */
  sent(transmits: number): void;
  /** It will not be sent again: done, displaced or pruned. */
  finished(): void;
}

/** Whom a fetch is for. */
export interface Recipient {
  /** Where it listens. */
  readonly address: Address;
  /** How many members a broadcast can be meant for: once so many were told, it starts over. */
  readonly among: number;
  /** Held to be dead: gets everything, to learn of its death, but is unlikely to hear it. */
  readonly gone?: boolean;
}

/** A queued broadcast. */
export interface BroadcastEntry {
  /** Newer news under the same name takes its place; `undefined` for application messages. */
  readonly name: string | undefined;
  /** The encoded message. */
  readonly bytes: Uint8Array;
  /** Increasing: a higher one is newer. */
  readonly id: number;
  /** Told what becomes of it. */
  readonly watch: BroadcastWatch | undefined;
  /** How often it was sent. */
  transmits: number;
  /** Who has it from us or knew it before, since everybody last had it. */
  told: Address[];
}

/** Entries that one fetch passes over as told, so that its cost has a bound. */
const PASSED_OVER_MAX = 64;

/** Judges, for one fetch, who has been told what. */
export class Audience {
  readonly #to: Recipient | undefined;
  #passes = PASSED_OVER_MAX;

  /** Without a recipient nobody has been told anything. */
  constructor(to: Recipient | undefined) {
    this.#to = to;
  }

  /** So much was passed over that the fetch had better end. */
  get exhausted(): boolean {
    return this.#passes === 0;
  }

  /** Whether a transmission to it is one: what the dead are told must not be taken from the living, if there are any. */
  get counts(): boolean {
    const to = this.#to;
    return to === undefined || to.gone !== true || to.among <= 0;
  }

  /** Whether the recipient has the entry while others lack it. */
  has(entry: BroadcastEntry): boolean {
    const to = this.#to;
    if (to === undefined || to.gone === true || entry.told.length >= to.among) return false;
    if (!entry.told.includes(to.address)) return false;
    this.#passes--;
    return true;
  }

  /** Notes that the recipient gets the entry; when everybody had it, a new round begins. */
  note(entry: BroadcastEntry): void {
    const to = this.#to;
    if (to === undefined || to.gone === true) return;
    if (entry.told.length >= to.among) entry.told = [];
    entry.told.push(to.address);
  }
}
