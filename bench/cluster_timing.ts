/**
 * Times a cluster from outside: how long until everybody has seen a join, and until everybody has declared a
 * killed node dead. The same code times Go nodes, ours and mixtures, so that the figures compare.
 *
 * @module
 */

import type { MembershipOptions } from "../src/core/membership/config.ts";
import { GoPeer } from "../tests/interop/go_peer.ts";
import { GoProcess } from "../tests/interop/go_process.ts";
import type { GoNodeConfig } from "../tests/interop/go_records.ts";
import { OurNode } from "../tests/interop/our_node.ts";

/** One node as the stopwatch sees it. Times are wall-clock milliseconds with fractions. */
export interface TimedNode extends AsyncDisposable {
  readonly name: string;
  readonly address: string;
  join(address: string): Promise<unknown>;
  /** When this node listed `name` as alive; rejects after `withinMs`. */
  sawJoin(name: string, withinMs: number): Promise<number>;
  /** When this node declared `name` dead; rejects after `withinMs`. */
  sawDeath(name: string, withinMs: number): Promise<number>;
  /** Ends the node without a word, as SIGKILL does. */
  kill(): Promise<void>;
}

/** What to time. */
export interface TimingOptions {
  /** Starts one node, alone. Names are not used twice in a run. */
  readonly start: (name: string) => Promise<TimedNode>;
  /** Cluster size, the node that joins and dies included. */
  readonly nodes: number;
  readonly rounds: number;
  /** When a round counts as failed. @default {120000} */
  readonly withinMs?: number;
}

/** One figure per round, in milliseconds. */
export interface Timings {
  /** From the join call until everybody lists the newcomer and it lists everybody. */
  readonly joinMs: readonly number[];
  /** From the kill until the last of the others has declared it dead. */
  readonly detectMs: readonly number[];
}

/** Builds a cluster of `nodes - 1`, then lets one more node join and die, `rounds` times. */
export async function timeCluster(options: TimingOptions): Promise<Timings> {
  const { start, nodes, rounds, withinMs = 120_000 } = options;
  const standing: TimedNode[] = [];
  try {
    for (let i = 0; i < nodes - 1; i++) {
      const node = await start(`stand-${i}`);
      standing.push(node);
      if (standing[0] !== node) await node.join(standing[0]!.address);
    }
    await Promise.all(
      standing.flatMap((node) => standing.map((other) => node.sawJoin(other.name, withinMs))),
    );
    return await timeRounds(standing, start, rounds, withinMs);
  } finally {
    await Promise.all(standing.map((node) => node[Symbol.asyncDispose]()));
  }
}

async function timeRounds(
  standing: readonly TimedNode[],
  start: TimingOptions["start"],
  rounds: number,
  withinMs: number,
): Promise<Timings> {
  const joinMs: number[] = [];
  const detectMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await using guest = await start(`guest-${round}`);
    const joining = wallMs();
    await guest.join(standing[round % standing.length]!.address);
    const joined = await Promise.all([
      ...standing.map((node) => node.sawJoin(guest.name, withinMs)),
      ...standing.map((node) => guest.sawJoin(node.name, withinMs)),
    ]);
    joinMs.push(Math.max(...joined) - joining);
    const dying = wallMs();
    await guest.kill();
    const seen = await Promise.all(standing.map((node) => node.sawDeath(guest.name, withinMs)));
    detectMs.push(Math.max(...seen) - dying);
  }
  return { joinMs, detectMs };
}

/** The value below which the given share of the samples lies (nearest rank). */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Starts Go nodes: all in `shared`, or, without it, each in a process of its own. */
export function goTimedNodes(
  config: Omit<GoNodeConfig, "name">,
  shared?: GoProcess,
): (name: string) => Promise<TimedNode> {
  return async (name) => {
    const full = { ...config, name };
    const peer = shared === undefined
      ? await GoPeer.start(full)
      : await GoPeer.startIn(shared, full);
    const saw = async (event: "join" | "leave", other: string, withinMs: number) =>
      (await peer.event(event, (e) => e.member?.name === other, { withinMs })).atMs;
    return {
      name,
      address: peer.address,
      join: (address) => peer.join(address),
      sawJoin: (other, withinMs) => saw("join", other, withinMs),
      sawDeath: (other, withinMs) => saw("leave", other, withinMs),
      kill: () => shared === undefined ? peer.process.kill() : peer.shutdown(),
      [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
    };
  };
}

/** Starts our nodes, gossip plane only, in this process. */
export function ourTimedNodes(
  membership: MembershipOptions,
): (name: string) => Promise<TimedNode> {
  return async (name) => {
    const node = await OurNode.start({ name, membership });
    const saw = async (type: "joined" | "gone", other: string, withinMs: number) =>
      node.toldMs(await node.event(type, (e) => e.member.name === other, { withinMs }));
    return {
      name,
      address: node.address,
      join: (address) => node.join(address),
      sawJoin: (other, withinMs) => saw("joined", other, withinMs),
      sawDeath: (other, withinMs) => saw("gone", other, withinMs),
      kill: () => node.kill(),
      [Symbol.asyncDispose]: () => node.kill(),
    };
  };
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
