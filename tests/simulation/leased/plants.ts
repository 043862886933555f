/**
 * Variants that look right and are not: each breaks the promise of `leased`, and the checker has to see it.
 *
 * @module
 */

import type { AskItem, LeasedMessage } from "../../../src/core/limits/leased/messages.ts";
import { isMajority } from "../../../src/core/limits/leased/rules.ts";
import type { SimNode } from "./sim_node.ts";
import type { Plant, Simulation } from "./simulation.ts";

/** A variant, and within how many seeds it is found. */
export interface PlantedVariant {
  readonly name: string;
  /** A seed that shows it. */
  readonly seed: number;
  readonly withinSeeds: number;
  /** Made anew for every seed. */
  make(): Plant;
}

/** Boots are named after their nodes in the simulation. */
function nodeOf(boot: string): string {
  return boot.split(".")[0] as string;
}

/** A rolling deploy: one at a time, as long as the others are there. */
function mostAreUp(forgetting: readonly SimNode[], { nodes }: Simulation): boolean {
  const there = nodes.filter((node) => !node.isGone);
  const up = there.filter((node) => node.isUp && !forgetting.includes(node));
  return up.length * 2 > there.length;
}

/** Spoils the rows that holders report. */
function rewriteAsks(
  message: LeasedMessage,
  rewrite: (item: AskItem, boot: string) => AskItem,
): LeasedMessage {
  if (message.type !== "ask") return message;
  return { ...message, items: message.items.map((item) => rewrite(item, message.boot)) };
}

/** What was given back since the last report, instead of all that ever was: a doubled report counts twice. */
function doubledAmounts(): Plant {
  const toldBy = new Map<string, number>();
  const sums = new Map<string, number>();
  const keyOf = (item: AskItem, boot: string) => `${boot}|${item.limit}|${item.window?.order}`;
  return {
    sent: (message) =>
      rewriteAsks(message, (item, boot) => {
        const key = keyOf(item, boot);
        const told = toldBy.get(key) ?? 0;
        toldBy.set(key, Math.max(told, item.returned));
        return { ...item, returned: Math.max(0, item.returned - told) };
      }),
    received: (message) =>
      rewriteAsks(message, (item, boot) => {
        const key = keyOf(item, boot);
        const sum = (sums.get(key) ?? 0) + item.returned;
        sums.set(key, sum);
        return { ...item, returned: sum };
      }),
  };
}

/** Whoever comes back says that its former life holds nothing any more. */
function anotherBootsWord(): Plant {
  const newest = new Map<string, string>();
  return {
    received: (message) => {
      if (message.type === "ask") newest.set(nodeOf(message.boot), message.boot);
      return message;
    },
    rules: {
      charge: (row) => {
        const current = newest.get(nodeOf(row.holder));
        const isFormer = current !== undefined && current !== row.holder;
        return isFormer ? row.spent : Math.max(row.granted - row.returned, row.spent);
      },
    },
  };
}

/** All of them. */
export const PLANTED_VARIANTS: readonly PlantedVariant[] = [
  {
    name: "a quorum of the membership, from which the dead are reaped",
    seed: 12,
    withinSeeds: 300,
    make: () => ({
      rules: {
        isQuorum: (_list, answered, { known }) =>
          known.filter((voter) => answered.has(voter)).length * 2 > known.length,
      },
    }),
  },
  {
    name: "a majority of the living instead of the voters",
    seed: 1,
    withinSeeds: 300,
    make: () => ({
      rules: {
        isQuorum: (list, answered, { alive }) => {
          const voters = list.voters.filter(({ id }) => alive.includes(id));
          return voters.filter(({ id }) => answered.has(id)).length * 2 > voters.length;
        },
      },
    }),
  },
  {
    name: "expected_nodes as a number, whoever they are",
    seed: 35,
    withinSeeds: 300,
    make: () => ({
      mayForget: mostAreUp,
      rules: {
        isQuorum: (_list, answered, { expectedNodes = 1 }) => answered.size * 2 > expectedNodes,
        // Whoever is there votes.
        nextVoters: (_shard, voters, members) => {
          const alive = members.filter(({ state }) => state === "alive");
          const next = alive.map(({ voter, node }) => ({ id: voter, node }));
          const isSame = next.length === voters.length &&
            next.every(({ id }) => voters.some((voter) => voter.id === id));
          return isSame ? undefined : next;
        },
        changesJointly: false,
        movesLedger: false,
      },
    }),
  },
  {
    name: "voters that forget promises and grants and still count",
    seed: 53,
    withinSeeds: 300,
    make: () => ({ isForgetful: true }),
  },
  {
    name: "a lease in place of the ledger",
    seed: 3,
    withinSeeds: 300,
    make: () => ({ rules: { keepsLedger: false } }),
  },
  {
    name: "a slice taken back by time",
    seed: 7,
    withinSeeds: 300,
    make: () => ({
      rules: {
        charge: (row, nowMs, ttlMs) =>
          nowMs - row.heardMs > ttlMs * 1.2
            ? row.spent
            : Math.max(row.granted - row.returned, row.spent),
      },
    }),
  },
  {
    name: "a slice taken back by another boot's report",
    seed: 53,
    withinSeeds: 300,
    make: anotherBootsWord,
  },
  {
    name: "a slice taken back by amounts that can be doubled",
    seed: 87,
    withinSeeds: 2_000,
    make: doubledAmounts,
  },
  {
    name: "two candidates with one epoch number",
    seed: 19,
    withinSeeds: 300,
    make: () => ({ rules: { compareEpochs: (a, b) => a.number - b.number } }),
  },
  {
    name: "a minority-stored grant confirmed by a later root",
    seed: 181,
    withinSeeds: 1_000,
    make: () => ({ rules: { mayTellAgain: () => true } }),
  },
  {
    name: "a grant told before a quorum stored it",
    seed: 19,
    withinSeeds: 300,
    make: () => ({ rules: { waitsForQuorum: false } }),
  },
  {
    name: "a list changed in one step",
    seed: 543,
    withinSeeds: 2_000,
    make: () => ({ rules: { changesJointly: false } }),
  },
  {
    name: "a list changed without the ledger",
    seed: 3,
    withinSeeds: 1_000,
    make: () => ({ rules: { movesLedger: false } }),
  },
  {
    name: "a majority of the new list alone while it changes",
    seed: 627,
    withinSeeds: 2_000,
    make: () => ({ rules: { isQuorum: (list, answered) => isMajority(list.voters, answered) } }),
  },
  {
    name: "answers before they are written down",
    seed: 12,
    withinSeeds: 600,
    make: () => ({ writesLate: true }),
  },
];
