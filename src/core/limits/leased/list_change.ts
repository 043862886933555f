/**
 * Who should vote next.
 *
 * Boots that left or were replaced by a restart go at once; dead ones only when a newcomer takes their place, because
 * they may come back with their memory; and the list grows to an odd number while it is shorter than the cluster.
 *
 * @module
 */

import { type LeasedMember, type VoterName, VOTERS_MAX } from "./contract.ts";
import { rankFor } from "../rendezvous.ts";

/** The voters that should follow; `undefined` when the list is right as it is. */
export function nextVoters(
  shard: number,
  voters: readonly VoterName[],
  members: readonly LeasedMember[],
): VoterName[] | undefined {
  const byVoter = new Map(members.map((member) => [member.voter, member]));
  const listed = new Set(voters.map(({ id }) => id));
  const alive = members.filter(({ state }) => state === "alive");
  const newcomers = rankFor(shard, alive.filter((m) => !listed.has(m.voter)).map((m) => m.node));
  const voterOn = new Map(alive.map((member) => [member.node, member.voter]));
  const next: VoterName[] = [];
  const take = (preferred: string | undefined): VoterName | undefined => {
    const at = preferred === undefined ? 0 : newcomers.indexOf(preferred);
    const [node] = newcomers.splice(at < 0 ? 0 : at, 1);
    return node === undefined ? undefined : { id: voterOn.get(node) as string, node };
  };
  for (const voter of voters) {
    const state = byVoter.get(voter.id)?.state;
    if (state === "alive") next.push(voter);
    else {
      const isGone = state === "left" || state === "leaving" ||
        (state === undefined && voterOn.has(voter.node));
      const successor = take(newcomers.includes(voter.node) ? voter.node : undefined);
      if (successor !== undefined) next.push(successor);
      else if (!isGone) next.push(voter);
    }
  }
  const most = Math.min(VOTERS_MAX, alive.length);
  const target = most - (most + 1) % 2;
  while (next.length < target && newcomers.length > 0) next.push(take(undefined) as VoterName);
  const isSame = next.length === voters.length && next.every(({ id }) => listed.has(id));
  return isSame || next.length === 0 ? undefined : next;
}
