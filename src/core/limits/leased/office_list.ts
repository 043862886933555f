/**
 * The list of voters, in the hands of the root that holds office.
 *
 * Invariant: a list follows another only by way of both: the change begins when the old one is stored by a majority of
 * itself, and ends when the two together are stored by a majority of each.
 *
 * @module
 */

import type { Epoch, VoterList, VoterName } from "./contract.ts";
import type { RootWorld } from "./root_world.ts";

/** See the module. */
export class OfficeList {
  /** Not every voter was sent it yet. */
  isFresh = true;
  readonly #world: RootWorld;
  readonly #shard: number;
  /** Number of the newest list of this office that each voter wrote down. */
  readonly #acknowledged: Map<string, number> = new Map();
  #current: VoterList;
  #all: readonly VoterName[];

  /** Goes on from the newest list that was handed over, under the stamp of this office. */
  constructor(world: RootWorld, shard: number, epoch: Epoch, list: VoterList) {
    this.#world = world;
    this.#shard = shard;
    this.#current = { ...list, epoch, number: 1 };
    this.#all = allOf(this.#current);
  }

  /** The list now. */
  get current(): VoterList {
    return this.#current;
  }

  /** Everybody who votes, of both lists while it changes. */
  get voters(): readonly VoterName[] {
    return this.#all;
  }

  /** Whether another list is on its way. */
  get isChanging(): boolean {
    return this.#current.before !== undefined;
  }

  /** Whether those who need to have it written it down. */
  get isStored(): boolean {
    const knowing = new Set<string>();
    for (const voter of this.#acknowledged.keys()) if (this.isKnownTo(voter)) knowing.add(voter);
    return this.isQuorum(knowing);
  }

  /** Whether these decide. */
  isQuorum(voters: ReadonlySet<string>): boolean {
    const { rules, electorate } = this.#world;
    return rules.isQuorum(this.#current, voters, electorate);
  }

  /** Whether somebody wrote down the list as it is now. */
  isKnownTo(voter: string): boolean {
    return (this.#acknowledged.get(voter) ?? 0) >= this.#current.number;
  }

  /** Somebody wrote down a list of this office; `true` when that is news. */
  acknowledged(voter: string, number: number): boolean {
    if (number <= (this.#acknowledged.get(voter) ?? 0)) return false;
    this.#acknowledged.set(voter, number);
    return true;
  }

  /** Who should vote instead; `undefined`: nobody. */
  get next(): readonly VoterName[] | undefined {
    const { rules, members } = this.#world;
    return rules.nextVoters(this.#shard, this.#current.voters, members);
  }

  /** From now on both lists count. */
  begin(next: readonly VoterName[]): void {
    this.#set(next, this.#world.rules.changesJointly ? this.#current.voters : undefined);
  }

  /** From now on the new list counts alone. */
  end(): void {
    this.#set(this.#current.voters, undefined);
  }

  #set(voters: readonly VoterName[], before: readonly VoterName[] | undefined): void {
    const { epoch, number } = this.#current;
    const list = { epoch, number: number + 1, voters };
    this.#current = before === undefined ? list : { ...list, before };
    this.#all = allOf(this.#current);
    this.isFresh = true;
  }
}

function allOf({ voters, before = [] }: VoterList): VoterName[] {
  return [...voters, ...before.filter(({ id }) => !voters.some((voter) => voter.id === id))];
}
