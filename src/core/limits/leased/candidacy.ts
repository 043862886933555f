/**
 * Taking office for one shard: collect promises until the newest list among them is satisfied, or found the first list.
 *
 * Invariant: whoever takes office holds promises of a majority of every list that might be in force, so that no earlier
 * root can have anything stored by a quorum any more, and everything it had stored so far has been handed over.
 *
 * @module
 */

import type { Millis } from "../../machine.ts";
import { type Epoch, type LedgerSlice, type VoterList, VOTERS_MAX } from "./contract.ts";
import { compareLists } from "./epoch.ts";
import type { Promised, Stored } from "./messages.ts";
import { rankFor } from "../rendezvous.ts";
import type { RootWorld } from "./root_world.ts";

/** What came of a step of a candidate. */
export type CandidacyOutcome =
  /** It goes on. */
  | undefined
  /** It has office. */
  | { readonly list: VoterList; readonly slices: readonly LedgerSlice[] }
  /** It has to begin anew under another epoch. */
  | "again";

/** See the module. */
export class Candidacy {
  readonly epoch: Epoch;
  readonly #world: RootWorld;
  readonly #shard: number;
  /** By voter id. */
  readonly #promises: Map<string, Promised> = new Map();
  #newest: VoterList | undefined;
  /** The first list, and who has not written it down yet. */
  #first: { readonly list: VoterList; readonly missing: Set<string> } | undefined;
  #retryAt: Millis;

  readonly #isForced: boolean;

  /** Begins to ask. `isForced`: an operator wants a list of whoever is alive, whatever lists there were. */
  constructor(world: RootWorld, shard: number, epoch: Epoch, now: Millis, isForced = false) {
    this.#isForced = isForced;
    this.#world = world;
    this.#shard = shard;
    this.epoch = epoch;
    this.#retryAt = now + world.config.retryMs;
    this.#ask();
  }

  /** When {@linkcode tick} is wanted. */
  get deadline(): Millis {
    return this.#retryAt;
  }

  /** Newest list heard of. */
  get list(): VoterList | undefined {
    return this.#newest;
  }

  /** A voter promised. */
  promised(message: Promised): CandidacyOutcome {
    const { voter, list } = message;
    const isNew = !this.#promises.has(voter);
    this.#promises.set(voter, message);
    if (
      list !== undefined && (this.#newest === undefined || compareLists(list, this.#newest) > 0)
    ) {
      this.#newest = list;
      this.#ask();
    }
    return isNew || list !== undefined ? this.#count() : undefined;
  }

  /** A voter wrote down the first list. */
  stored({ voter }: Stored): CandidacyOutcome {
    if (this.#first === undefined) return undefined;
    this.#first.missing.delete(voter);
    if (this.#first.missing.size > 0) return undefined;
    return { list: this.#first.list, slices: this.#slices() };
  }

  /** The members changed. */
  members(): CandidacyOutcome {
    if (this.#first === undefined) return this.#count();
    const { alive } = this.#world.electorate;
    // Who died before writing it down never will: others may have, so it must be looked for anew.
    return [...this.#first.missing].every((voter) => alive.includes(voter)) ? undefined : "again";
  }

  /** Asks those who have not answered. */
  tick(now: Millis): void {
    if (now < this.#retryAt) return;
    this.#retryAt = now + this.#world.config.retryMs;
    this.#ask();
  }

  #count(): CandidacyOutcome {
    const { rules, electorate } = this.#world;
    if (this.#first !== undefined) return undefined;
    if (this.#newest === undefined || this.#isForced) return this.#found();
    if (!rules.isQuorum(this.#newest, new Set(this.#promises.keys()), electorate)) return undefined;
    return { list: this.#newest, slices: this.#slices() };
  }

  /** Everything that was handed over. */
  #slices(): LedgerSlice[] {
    const slices: LedgerSlice[] = [];
    for (const promise of this.#promises.values()) slices.push(...promise.slices);
    return slices;
  }

  /** Makes the first list when enough are alive and every one of them says that there is none. */
  #found(): CandidacyOutcome {
    const { members, electorate: { alive, expectedNodes } } = this.#world;
    const isEnough = expectedNodes !== undefined && alive.length >= expectedNodes;
    if (!isEnough && !(this.#isForced && alive.length > 0)) return undefined;
    if (!alive.every((voter) => this.#promises.has(voter))) return undefined;
    const founders = members.filter(({ state }) => state === "alive");
    const ids = new Map(founders.map(({ node, voter }) => [node, voter]));
    const nodes = rankFor(this.#shard, ids.keys()).slice(0, VOTERS_MAX);
    const voters = nodes.map((node) => ({ id: ids.get(node) as string, node }));
    this.#first = { list: { epoch: this.epoch, number: 1, voters }, missing: new Set(alive) };
    this.#ask();
    return undefined;
  }

  #ask(): void {
    const { members, send } = { members: this.#world.members, send: this.#send };
    const first = this.#first;
    const asked = new Set<string>();
    for (const { voter, node, state } of members) {
      if (state === "left" || state === "dead") continue;
      if (first === undefined) {
        asked.add(voter);
        if (!this.#promises.has(voter)) send(node);
      } else if (first.missing.has(voter)) {
        const { epoch } = this;
        this.#world.send(node, {
          type: "store",
          shard: this.#shard,
          epoch,
          voter,
          list: first.list,
          slices: [],
        });
      }
    }
    if (first !== undefined) return;
    for (const { id, node } of [...this.#newest?.voters ?? [], ...this.#newest?.before ?? []]) {
      if (!asked.has(id) && !this.#promises.has(id)) send(node);
      asked.add(id);
    }
  }

  readonly #send = (node: string): void => {
    this.#world.send(node, { type: "prepare", shard: this.#shard, epoch: this.epoch });
  };
}
