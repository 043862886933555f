/**
 * The rules on which the guarantee rests, each a pure function. They stand apart so that tests can put a wrong one in
 * the place of each and see it caught; nothing else replaces them.
 *
 * @module
 */

import type { Epoch, LeasedMember, Row, VoterList, VoterName } from "./contract.ts";
import { compareEpochs } from "./epoch.ts";
import { nextVoters } from "./list_change.ts";

/** What {@linkcode LeasedRules.isQuorum} is told besides the list. */
export interface Electorate {
  /** Voters that the membership knows, alive or dead, but not left. */
  readonly known: readonly string[];
  readonly alive: readonly string[];
  readonly expectedNodes: number | undefined;
}

/** A row as its root knows it. */
export interface ChargedRow extends Row {
  readonly holder: string;
  /** When the holder's latest question about it came; on the root's clock. */
  readonly heardMs: number;
}

/** See the module. */
export interface LeasedRules {
  /** The order of epochs: total, and never 0 for two candidates. */
  compareEpochs(a: Epoch, b: Epoch): number;
  /** Whether those who answered decide for the list: a majority of it, and of the one before while it changes. */
  isQuorum(list: VoterList, answered: ReadonlySet<string>, electorate: Electorate): boolean;
  /** What a row takes from the cap. Neither time nor anybody but the holder's boot lowers it. */
  charge(row: ChargedRow, nowMs: number, ttlMs: number): number;
  /** Whether a holder may be told of a grant that it does not know of, which came from an earlier root. */
  mayTellAgain(charged: number, cap: number): boolean;
  /** Whether what voters hand over is the ledger of the next root. */
  readonly keepsLedger: boolean;
  /** Whether a grant waits for a quorum to write it down. */
  readonly waitsForQuorum: boolean;
  /** Who should vote next; `undefined` when the list is right as it is. */
  nextVoters(
    shard: number,
    voters: readonly VoterName[],
    members: readonly LeasedMember[],
  ): VoterName[] | undefined;
  /** Whether a list changes by way of both lists. */
  readonly changesJointly: boolean;
  /** Whether a list changes only with the whole ledger. */
  readonly movesLedger: boolean;
}

/** The rules that hold. */
export const LEASED_RULES: LeasedRules = {
  compareEpochs,
  isQuorum: (list, answered) =>
    isMajority(list.voters, answered) &&
    (list.before === undefined || isMajority(list.before, answered)),
  charge: (row) => Math.max(row.granted - row.returned, row.spent),
  mayTellAgain: (charged, cap) => charged <= cap,
  nextVoters,
  keepsLedger: true,
  waitsForQuorum: true,
  changesJointly: true,
  movesLedger: true,
};

/** Whether more than half of the voters are among those who answered. */
export function isMajority(voters: readonly VoterName[], answered: ReadonlySet<string>): boolean {
  let count = 0;
  for (const { id } of voters) if (answered.has(id)) count++;
  return count * 2 > voters.length;
}
