/**
 * One planted bug, or several, for every invariant, each with a run that must bring it to light.
 *
 * @module
 */

import type {
  Member,
  MembershipEffect,
  MembershipInput,
} from "../../src/core/membership/contract.ts";
import type { Membership } from "../../src/core/membership/machine.ts";
import type { PacketCodec, StreamCodec, StreamProgress } from "../../src/core/wire/contract.ts";
import type { PacketMessage, PushPullNode } from "../../src/core/wire/messages.ts";
import type { Plants, SimMembership } from "../../src/testing/simulation/plants.ts";
import type { SimNodeOptions } from "../../src/testing/simulation/node_options.ts";
import type { Simulation } from "../../src/testing/simulation/simulation.ts";

/** A bug, the invariant it breaks, and how to see it. */
export interface PlantedBug {
  readonly bug: string;
  readonly invariant: string;
  /** Called for each run, so that what a plant remembers does not outlive it. */
  readonly plants?: () => Plants;
  /** Wrong settings, for bugs that are one. */
  readonly options?: SimNodeOptions;
  /** What all nodes have in common, with the bug or without. */
  readonly common?: SimNodeOptions;
  readonly node?: (index: number) => SimNodeOptions;
  readonly nodes?: number;
  /** What happens; without the bug it breaks nothing. */
  readonly play: (sim: Simulation) => void;
}

/** A membership machine with another view or another ear. */
function wrapped(
  machine: Membership,
  change: {
    readonly members?: (members: readonly Member[]) => readonly Member[];
    readonly effect?: (effect: MembershipEffect) => MembershipEffect;
    readonly nextDeadline?: () => number | undefined;
  },
): SimMembership {
  return {
    handle(input: MembershipInput, now: number, out: MembershipEffect[]): void {
      machine.handle(input, now, out);
      const { effect } = change;
      if (effect !== undefined) out.forEach((each, index) => out[index] = effect(each));
    },
    nextDeadline: () => change.nextDeadline?.() ?? machine.nextDeadline(),
    members: () => change.members?.(machine.members()) ?? machine.members(),
    member: (name) => machine.member(name),
    get self() {
      return machine.self;
    },
    get counters() {
      return machine.counters;
    },
    get memberCount() {
      return machine.memberCount;
    },
  };
}

/** A packet codec that hears only some messages. */
function hearing(codec: PacketCodec, hears: (message: PacketMessage) => boolean): PacketCodec {
  return {
    seal: (parts, crc) => codec.seal(parts, crc),
    overhead: () => codec.overhead(),
    open: (packet, sink) =>
      codec.open(packet, {
        message(message, bytes) {
          if (hears(message)) sink.message(message, bytes);
        },
        dropped: (reason) => sink.dropped(reason),
      }),
  };
}

/** A stream codec that reads other rows than were sent. */
function reading(
  codec: StreamCodec,
  rows: (nodes: readonly PushPullNode[]) => PushPullNode[],
): StreamCodec {
  const altered = (progress: StreamProgress): StreamProgress =>
    progress.type === "message" && progress.message.type === "pushPull"
      ? { type: "message", message: { ...progress.message, nodes: rows(progress.message.nodes) } }
      : progress;
  const reader = (inner: { push(bytes: Uint8Array): StreamProgress }) => ({
    push: (bytes: Uint8Array) => altered(inner.push(bytes)),
  });
  return {
    requestReader: () => reader(codec.requestReader()),
    replyReader: () => reader(codec.replyReader()),
    request: (message) => codec.request(message),
    reply: (message) => codec.reply(message),
  };
}

const isAccusationOf = (message: PacketMessage, name: string): boolean =>
  (message.type === "suspect" || message.type === "dead") && message.node === name;

function join(sim: Simulation): void {
  sim.runUntil(() => sim.nodes.every((node) => node.live().length > 0), { withinMs: 1_000 });
  sim.runFor(20_000);
}

function partition(sim: Simulation, ms: number): void {
  sim.cut({ from: [0, 1], to: [2, 3], bothWays: true });
  sim.runFor(ms);
  sim.heal();
}

/** The bugs. */
export function plantedBugs(): readonly PlantedBug[] {
  return [
    {
      bug: "a member table with a second row for a member that came back",
      invariant: "nobody-is-listed-twice",
      plants: () => ({
        membership: (machine) =>
          wrapped(machine, {
            members: (members) => [...members, ...members.filter((m) => m.incarnation > 1)],
          }),
      }),
      play(sim) {
        join(sim);
        sim.crash(3);
        sim.runFor(60_000);
        sim.restart(3);
        sim.runFor(30_000);
      },
    },
    {
      bug: "views of members that are made once and never again",
      invariant: "incarnation-never-decreases",
      plants: () => {
        const views: Map<string, Member> = new Map();
        return {
          membership: (machine, self) =>
            wrapped(machine, {
              members: (members) =>
                members.map((member) => {
                  const id = `${self} ${member.name}`;
                  const view = views.get(id) ?? member;
                  views.set(id, view);
                  return view;
                }),
            }),
        };
      },
      play(sim) {
        join(sim);
        sim.crash(3);
        sim.runFor(10_000);
        sim.restart(3);
        sim.runFor(30_000);
      },
    },
    {
      bug: "a decoder that reads the port from the wrong place",
      invariant: "the-live-have-an-address",
      plants: () => ({
        streamCodec: (codec) =>
          reading(codec, (nodes) => nodes.map((row) => ({ ...row, port: row.port >> 1 }))),
      }),
      play: join,
    },
    {
      bug: "labels that are ignored",
      invariant: "labels-never-meet",
      plants: () => ({ wire: (config) => ({ ...config, label: "" }) }),
      node: (index) => ({ label: index % 2 === 0 ? "blue" : "green" }),
      play: join,
    },
    {
      bug: "suspicions without evidence",
      invariant: "suspects-have-evidence",
      plants: () => ({
        membership: (machine) =>
          wrapped(machine, {
            effect(effect) {
              if (effect.type !== "event" || effect.event.type !== "suspected") return effect;
              const { evidence: _evidence, ...member } = effect.event.member;
              return { type: "event", event: { type: "suspected", member } };
            },
          }),
      }),
      play(sim) {
        join(sim);
        sim.crash(3);
        sim.runFor(30_000);
      },
    },
    {
      bug: "a node that leaves itself out",
      invariant: "a-node-knows-itself",
      plants: () => ({
        membership: (machine, self) =>
          wrapped(machine, { members: (all) => all.filter(({ name }) => name !== self) }),
      }),
      play: join,
    },
    {
      bug: "no redialling after a partition (memberlist issue 222)",
      invariant: "membership-converges",
      plants: () => ({ rejoin: false }),
      play(sim) {
        join(sim);
        partition(sim, 300_000);
        sim.runFor(120_000);
      },
    },
    {
      bug: "no refutation",
      invariant: "the-living-are-not-dead-to-all",
      plants: () => ({
        packetCodec: (codec, self) => hearing(codec, (message) => !isAccusationOf(message, self)),
        streamCodec: (codec, self) =>
          reading(codec, (nodes) => nodes.filter(({ name }) => name !== self)),
      }),
      play(sim) {
        join(sim);
        sim.crash(3);
        sim.runFor(60_000);
        sim.restart(3);
        sim.runFor(150_000);
      },
    },
    {
      bug: "members that are never forgotten",
      invariant: "identities-do-not-pile-up",
      plants: () => {
        const seen: Map<string, Map<string, Member>> = new Map();
        return {
          membership(machine, self) {
            const known: Map<string, Member> = new Map();
            seen.set(self, known);
            return wrapped(machine, {
              members(members) {
                for (const member of members) known.set(member.name, member);
                return [...known.values()];
              },
            });
          },
        };
      },
      play(sim) {
        join(sim);
        sim.crash(3);
        sim.runFor(400_000);
        sim.addNode({ host: 3, nodeId: "other" });
        sim.runFor(400_000);
      },
    },
    {
      bug: "a node that turns deaf to pings and accusations",
      invariant: "the-living-are-not-killed-in-calm",
      plants: () => {
        let heard = 0;
        return {
          packetCodec: (codec, self) =>
            hearing(codec, (message) => {
              if (!self.startsWith("n1-")) return true;
              if (message.type === "ping") heard++;
              return heard < 1_000 || message.type !== "ping" && !isAccusationOf(message, self);
            }),
        };
      },
      common: { membership: { disableTcpPings: true } },
      play(sim) {
        join(sim);
        sim.runFor(1_200_000);
      },
    },
    {
      bug: "a deadline that is never met",
      invariant: "machines-do-not-spin",
      plants: () => ({
        membership: (machine, self) =>
          self.startsWith("n1-") ? wrapped(machine, { nextDeadline: () => 5_000 }) : machine,
      }),
      play: (sim) => sim.runFor(10_000),
    },
    {
      bug: "leaders by order of arrival",
      invariant: "leaders-follow-the-rule",
      plants: () => ({
        leaders: ([first]) => ({ cluster: first?.nodeId, regions: new Map() }),
      }),
      play: join,
    },
    {
      bug: "every node its own leader",
      invariant: "equal-views-have-equal-leaders",
      plants: () => ({ leaders: (_, self) => ({ cluster: self, regions: new Map() }) }),
      play: join,
    },
    {
      bug: "entries kept by order of arrival",
      invariant: "stale-never-overwrites-fresh",
      plants: () => {
        let arrivals = 0;
        return {
          entryCodec: (codec) => ({
            ...codec,
            head(bytes) {
              const entry = codec.head(bytes);
              if (entry === undefined) return undefined;
              const wallMs = entry.version.wallMs + 10_000 + ++arrivals;
              return { ...entry, version: { ...entry.version, wallMs } };
            },
          }),
        };
      },
      play(sim) {
        join(sim);
        sim.cut({ from: [0], to: [1, 2, 3], bothWays: true });
        sim.set(0, "budget", "k", 1);
        sim.runFor(1_000);
        sim.set(2, "budget", "k", 2);
        sim.runFor(1_000);
        sim.heal();
        sim.runFor(30_000);
      },
    },
    {
      bug: "no bound on stamps from the future",
      invariant: "nothing-from-the-future-is-taken",
      options: { replication: { clockSkewMaxMs: 3_600_000 } },
      node: (index) => ({ skewMs: index === 0 ? 300_000 : 0 }),
      play(sim) {
        join(sim);
        sim.cut({ from: [0], to: [1, 2, 3], bothWays: true });
        sim.runFor(60_000);
        sim.set(0, "budget", "k", 1);
        sim.runFor(1_000);
        sim.heal();
        sim.runFor(60_000);
      },
    },
    {
      bug: "tombstones dropped at once, and a link that says old things again",
      invariant: "the-deleted-stay-deleted",
      plants: () => {
        let old: Uint8Array | undefined;
        return {
          replication: (machine) => void machine.store.purge(Infinity, 1_000),
          frameIn(link) {
            const { frame } = link;
            if (frame.case !== "batch" || frame.value.entries.length === 0) return link;
            old ??= frame.value.entries[0] as Uint8Array;
            const value = { ...frame.value, entries: [...frame.value.entries, old] };
            return { frame: { case: "batch", value } };
          },
        };
      },
      play(sim) {
        join(sim);
        sim.set(0, "budget", "k", 1);
        sim.runFor(1_000);
        sim.delete(1, "budget", "k");
        sim.runFor(1_000);
        sim.set(2, "budget", "other", 1);
        sim.runFor(10_000);
      },
    },
    {
      bug: "tombstones dropped at once",
      invariant: "nothing-held-is-lost",
      plants: () => ({
        replication: (machine) => void machine.store.purge(Infinity, 1_000),
      }),
      play(sim) {
        join(sim);
        sim.set(0, "budget", "k", 1);
        sim.runFor(1_000);
        sim.cut({ from: [0], to: [1, 2, 3], bothWays: true });
        sim.delete(1, "budget", "k");
        sim.runFor(60_000);
        sim.heal();
        sim.runFor(200_000);
      },
    },
    {
      bug: "a window without end",
      invariant: "links-stay-within-bounds",
      options: { replication: { windowBatches: 1_000 } },
      play(sim) {
        join(sim);
        sim.faults = { delayMs: [150, 150] };
        for (let i = 0; i < 60; i++) {
          sim.set(0, "budget", `k${i}`, "x".repeat(2_000));
          sim.runFor(10);
        }
        sim.runFor(5_000);
      },
    },
    {
      bug: "digests that always say equal",
      invariant: "replication-converges",
      plants: () => ({
        frameIn: (link) =>
          link.frame.case === "digest"
            ? { frame: { case: "digest", value: { ranges: [] } } }
            : link,
      }),
      play(sim) {
        join(sim);
        sim.cut({ from: [0], to: [2, 3], bothWays: true });
        sim.set(0, "budget", "k", 1);
        sim.runFor(100);
        sim.crash(0, { dark: true });
        sim.heal();
        sim.runFor(200_000);
      },
    },
  ];
}
