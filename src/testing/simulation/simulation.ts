/**
 * Whole clusters in virtual time, replayed from one seed.
 *
 * @module
 */

import type { Millis } from "../../core/machine.ts";
import type { Version } from "../../core/hlc.ts";
import type { MembershipEvent, MembershipResult } from "../../core/membership/contract.ts";
import type { ReplicationEvent } from "../../core/replication/contract.ts";
import { Deadlines } from "../../core/deadlines.ts";
import { Rng } from "../../core/rng.ts";
import { calmChecks } from "./calm_checks.ts";
import type { CheckBounds, Checker, Violation, World } from "./checker.ts";
import { membershipDifference, storeDifference } from "./convergence.ts";
import { EventHash } from "./event_hash.ts";
import { type Facts, isChange, membershipFacts, replicationFacts } from "./facts.ts";
import type { NetworkFaults, ResolvedFaults } from "./faults.ts";
import { leaderChecks } from "./leader_checks.ts";
import { Life } from "./life.ts";
import { membershipChecks } from "./membership_checks.ts";
import { Network } from "./network.ts";
import { resolveNode, type SimNodeOptions } from "./node_options.ts";
import { replicationChecks } from "./replication_checks.ts";
import { SimNode } from "./sim_node.ts";
import type { Sides, SimulationOptions } from "./simulation_options.ts";
import { Timeline } from "./timeline.ts";

/** Above this many nodes, invariants of whole views are checked at intervals and not after every change. */
const SMALL_CLUSTER = 32;

const VIOLATIONS_MAX = 100;

/** Ticks of one node at one instant that are still no spinning. */
const TICKS_AT_ONCE_MAX = 10_000;

const encoder = new TextEncoder();

/** Starts a simulation: the nodes are up and have begun to join, no time has passed. */
export function simulate(options: SimulationOptions): Simulation {
  return new Simulation(options);
}

/** See {@linkcode simulate}. */
export class Simulation implements World {
  /** Replays the run exactly. */
  readonly seed: number;
  /** All nodes, running or not, by number. */
  readonly nodes: SimNode[] = [];
  /** Broken invariants so far; empty is what you want. */
  readonly violations: Violation[] = [];
  /** How long things may take. */
  readonly bounds: CheckBounds;
  /** What carries their bytes. */
  readonly network: Network;
  readonly #options: SimulationOptions;
  readonly #rng: Rng;
  readonly #timeline: Timeline = new Timeline();
  readonly #hash: EventHash = new EventHash();
  readonly #deadlines: Deadlines<SimNode> = new Deadlines();
  readonly #checkers: readonly Checker[];
  readonly #told: Set<string> = new Set();
  #calmFrom: Millis = 0;
  #lastWriteAt: Millis = 0;
  #changes = 0;
  #looked = 0;
  #nextLook: Millis = 0;
  #ticks = 0;
  #ticksAt: Millis = -1;
  #boots = 0;
  #hosts = 0;

  /** Starts every node at virtual instant 0. */
  constructor(options: SimulationOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.#rng = new Rng(options.seed);
    this.bounds = {
      membershipMs: 90_000 + 300 * options.nodes,
      replicationMs: 150_000 + 500 * options.nodes,
      forgetMs: 300_000 + 3_000 * options.nodes,
      ...options.bounds,
    };
    this.network = new Network(
      this.#timeline,
      this.#rng.fork(),
      this.#hash,
      options.network ?? {},
    );
    this.#checkers = [
      membershipChecks,
      leaderChecks,
      calmChecks,
      replicationChecks,
      ...(options.checkers ?? []),
    ].map((make) => make(this));
    for (let i = 0; i < options.nodes; i++) this.#add(options.node?.(i) ?? {});
    for (const node of this.nodes) this.#start(node);
  }

  // What happened.

  /** Virtual milliseconds since the beginning. */
  get now(): Millis {
    return this.#timeline.now;
  }

  /** 16 hex digits that stand for everything that happened so far. */
  get hash(): string {
    return this.#hash.digest;
  }

  /** How many things happened. */
  get events(): number {
    return this.#hash.events;
  }

  /** The names of all invariants that are watched. */
  get invariants(): readonly string[] {
    return [...this.#checkers.flatMap((checker) => checker.invariants), "machines-do-not-spin"];
  }

  get calmSince(): Millis {
    return this.#isDisturbed ? Infinity : this.#calmFrom;
  }

  get lastWriteAt(): Millis {
    return this.#lastWriteAt;
  }

  get changes(): number {
    return this.#changes;
  }

  /** The node of that number. */
  node(index: number): SimNode {
    const node = this.nodes[index];
    if (node !== undefined) return node;
    throw new RangeError(
      `Cannot find node ${index}: there are ${this.nodes.length}, numbered from 0`,
    );
  }

  /** Whether all nodes that are up list exactly their group and hold the same entries. */
  converged(): boolean {
    return this.difference() === undefined;
  }

  /** Why they have not converged. */
  difference(): string | undefined {
    return membershipDifference(this.nodes) ?? storeDifference(this.nodes);
  }

  // Time.

  /** Lets virtual time pass. */
  runFor(ms: Millis): void {
    this.#run(this.now + ms);
  }

  /**
   * Lets time pass until `predicate` holds; looks every `everyMs` and answers how long it took. Throws, with the seed,
   * when it does not hold in time.
   */
  runUntil(
    predicate: () => boolean,
    { withinMs, everyMs = 50 }: { readonly withinMs: Millis; readonly everyMs?: Millis },
  ): Millis {
    const began = this.now;
    while (!predicate()) {
      if (this.now - began >= withinMs) {
        throw new Error(
          `Waited ${withinMs} ms in vain for ${predicate}: ` +
            `${this.difference() ?? "the cluster has converged"}, replay with seed ${this.seed}`,
        );
      }
      this.#run(this.now + everyMs);
    }
    return this.now - began;
  }

  // What the network does.

  /** What the network does at present. */
  get faults(): NetworkFaults {
    return this.network.faults;
  }

  /** Replaces what the network does; cuts stay. */
  set faults(faults: NetworkFaults) {
    this.network.faults = faults;
    this.#disturb();
    this.#note("faults", JSON.stringify(this.network.faults));
  }

  /** Cuts the way from some nodes to others, or both ways. */
  cut({ from, to, bothWays = false }: Sides): void {
    const [a, b] = [this.#hostsOf(from), this.#hostsOf(to)];
    this.network.cuts.cut(a, b);
    if (bothWays) this.network.cuts.cut(b, a);
    this.#disturb();
    this.#note("cut", `${from} ${bothWays ? "<->" : "->"} ${to}`);
  }

  /** Mends the way from some nodes to others, or both ways; with no arguments every cut. */
  heal(sides?: Sides): void {
    if (sides === undefined) this.network.cuts.heal();
    else {
      const [a, b] = [this.#hostsOf(sides.from), this.#hostsOf(sides.to)];
      this.network.cuts.heal(a, b);
      if (sides.bothWays === true) this.network.cuts.heal(b, a);
    }
    this.#disturb();
    this.#note("heal", sides === undefined ? "all" : `${sides.from} ${sides.to}`);
  }

  // What nodes do.

  /** Adds a node and starts it; answers its number. */
  addNode(options: SimNodeOptions = {}): number {
    const node = this.#add(options);
    this.#start(node);
    return node.index;
  }

  /** The process is gone without a word; with `dark` its machine as well, so that nothing is even refused. */
  crash(index: number, { dark = false }: { readonly dark?: boolean } = {}): void {
    const node = this.#upNode(index, "crash");
    this.#note("crash", node.nodeId);
    this.#end(node, dark);
  }

  /** Starts a node that is down, with empty memory and another boot id. */
  restart(index: number): void {
    const node = this.node(index);
    if (node.isUp) throw new RangeError(`Cannot restart ${node.nodeId}: it is up`);
    this.#start(node);
  }

  /** Blocks a node's event loop: it handles nothing for so long, then everything that came meanwhile. */
  pause(index: number, ms: Millis): void {
    const node = this.#upNode(index, "pause");
    const { life } = node;
    if (life === undefined) return;
    const until = this.now + ms;
    life.blockedUntil = until;
    this.#note("pause", node.nodeId, ms);
    this.#disturb(until);
    this.#arm(node);
    // The lag meter's alarm was due some time in its interval of 100 ms. Timers run before sockets are read.
    const lagMs = ms - this.#rng.between(0, 100);
    this.#timeline.at(until, () => {
      if (node.life !== life) return;
      if (this.#rng.chance(0.5)) life.tick();
      if (lagMs > 50) life.gossip.lag(lagMs);
    });
  }

  /** Sets a node's wall clock so far off. */
  skew(index: number, skewMs: Millis): void {
    const node = this.node(index);
    node.skewMs = skewMs;
    node.life?.clockWasSet();
    this.#disturb();
    this.#note("skew", node.nodeId, skewMs);
  }

  /** Lets a node leave gracefully; its process ends when its farewell is out. */
  leave(index: number): void {
    const node = this.#upNode(index, "leave");
    const { life } = node;
    this.#note("leave", node.nodeId);
    this.#disturb();
    life?.leave(() => {
      // The process ends after this step.
      this.#timeline.at(this.now, () => node.life === life && this.#end(node, false));
    });
  }

  /** Writes a JSON value on a node. */
  set(index: number, type: string, key: string, value: unknown): Version {
    return this.#write(index, type, key, encoder.encode(JSON.stringify(value)));
  }

  /** Deletes an entity on a node. */
  delete(index: number, type: string, key: string): Version {
    return this.#write(index, type, key, undefined);
  }

  /** The JSON value that a node holds of an entity; `undefined` when it holds none. */
  get(index: number, type: string, key: string): unknown {
    return this.node(index).get(type, key);
  }

  /** Gossips application bytes from a node; answers what came of it. */
  broadcast(index: number, payload: Uint8Array): MembershipResult {
    const { life } = this.#upNode(index, "broadcast");
    let result: MembershipResult = { ok: true };
    life?.gossip.run({ type: "userBroadcast", payload }, (settled) => result = settled);
    return result;
  }

  // For checkers.

  report(invariant: string, node: SimNode | undefined, detail: string): void {
    const id = `${invariant}\n${node?.nodeId}\n${detail}`;
    if (this.violations.length >= VIOLATIONS_MAX || this.#told.has(id)) return;
    this.#told.add(id);
    this.violations.push({ invariant, atMs: this.now, node: node?.nodeId, detail });
  }

  // Inside.

  #run(until: Millis): void {
    const timeline = this.#timeline;
    for (;;) {
      const planned = timeline.next() ?? Infinity;
      const due = this.#deadlines.next() ?? Infinity;
      const at = Math.max(this.now, Math.min(planned, due));
      if (this.#nextLook <= Math.min(at, until)) {
        timeline.advance(this.#nextLook);
        this.#look();
        continue;
      }
      if (at > until) break;
      if (planned <= due) timeline.step();
      else {
        timeline.advance(at);
        this.#tick(this.#deadlines.pop(at) as SimNode);
      }
      if (this.#changes !== this.#looked && this.nodes.length <= SMALL_CLUSTER) this.#look();
    }
    timeline.advance(until);
    this.#look();
  }

  #look(): void {
    const everyMs = 1_000 * Math.max(1, this.nodes.length / 50);
    this.#nextLook = this.now + everyMs;
    this.#looked = this.#changes;
    for (const checker of this.#checkers) checker.look?.();
  }

  #tick(node: SimNode): void {
    const { life } = node;
    if (life === undefined) return;
    if (this.#ticksAt !== this.now) {
      this.#ticksAt = this.now;
      this.#ticks = 0;
    } else if (++this.#ticks > TICKS_AT_ONCE_MAX) {
      this.report("machines-do-not-spin", node, "it wants to be woken at one instant forever");
      this.#end(node, false);
      return;
    }
    life.tick();
    this.#arm(node);
  }

  #arm(node: SimNode): void {
    const { life } = node;
    const deadline = life?.deadline ?? Infinity;
    if (life === undefined || deadline === Infinity) this.#deadlines.delete(node);
    else this.#deadlines.set(node, Math.max(deadline, life.blockedUntil));
  }

  #add(given: SimNodeOptions): SimNode {
    const { defaults, nodes } = this.#options;
    const index = this.nodes.length;
    const seeds = Array.from({ length: Math.min(3, nodes) }, (_, host) => host);
    const options: SimNodeOptions = { seeds, ...defaults, ...given };
    const host = options.host ?? this.#hosts++;
    const node = new SimNode(
      index,
      host,
      resolveNode(index, host, options),
      options.skewMs ?? 0,
      options.driftPpm ?? 0,
    );
    this.nodes.push(node);
    return node;
  }

  #start(node: SimNode): void {
    const rival = this.nodes.find((other) => other.host === node.host && other.isUp);
    if (rival !== undefined) {
      throw new RangeError(`Cannot start ${node.nodeId}: ${rival.nodeId} is up on its host`);
    }
    const boot = (++this.#boots).toString(16).padStart(16, "0");
    this.#note("start", node.nodeId);
    node.lives++;
    const life = new Life({
      network: this.network,
      host: node.host,
      node: node.options,
      boot,
      seed: this.#rng.u32(),
      wall: () => node.wall(this.now),
      isDrifting: node.driftPpm !== 0,
      onMembership: (event) => this.#onMembership(node, event),
      onReplication: (event) => this.#onReplication(node, event),
      onLeaders: () => this.#onLeaders(node),
      onRest: () => this.#arm(node),
    });
    node.life = life;
    this.#changes++;
    this.#disturb();
    for (const checker of this.#checkers) checker.started?.(node);
    this.network.attach(node.host, life, [node.options.gossipAddress, node.options.rpcAddress]);
    life.start();
    this.#arm(node);
  }

  #end(node: SimNode, dark: boolean): void {
    node.life?.stop();
    node.life = undefined;
    node.endedAt = this.now;
    this.network.crash(node.host, dark);
    this.#deadlines.delete(node);
    this.#changes++;
    this.#disturb();
    this.#note("end", node.nodeId);
    for (const checker of this.#checkers) checker.ended?.(node);
  }

  #write(index: number, type: string, key: string, value: Uint8Array | undefined): Version {
    const node = this.#upNode(index, "write");
    const links = node.life?.links;
    if (links === undefined) {
      throw new RangeError(`Cannot write on ${node.nodeId}: replication is not simulated`);
    }
    this.#lastWriteAt = this.now;
    return links.write([
      value === undefined
        ? { type, key, value }
        : { type, key, value, contentType: "application/json" },
    ]);
  }

  #upNode(index: number, what: string): SimNode {
    const node = this.node(index);
    if (node.life === undefined) {
      throw new RangeError(`Cannot ${what} at ${node.nodeId}: it is down, restart it first`);
    }
    if (node.life.blockedUntil > this.now) {
      throw new RangeError(`Cannot ${what} at ${node.nodeId}: it is paused, let time pass first`);
    }
    return node;
  }

  #hostsOf(indices: readonly number[]): number[] {
    return indices.map((index) => this.node(index).host);
  }

  // What disturbs.

  get #isDisturbed(): boolean {
    return this.network.cuts.any || isRough(this.network.faults);
  }

  #disturb(until: Millis = this.now): void {
    this.#calmFrom = Math.max(this.#calmFrom, until);
  }

  // What is told.

  #onMembership(node: SimNode, event: MembershipEvent): void {
    if (isChange(event)) this.#changes++;
    const facts = membershipFacts(node.nodeId, event);
    if (facts !== undefined) this.#note(...facts);
    for (const checker of this.#checkers) checker.membership?.(node, event);
  }

  #onReplication(node: SimNode, event: ReplicationEvent): void {
    if (isChange(event)) this.#changes++;
    this.#note(...replicationFacts(node.nodeId, event));
    for (const checker of this.#checkers) checker.replication?.(node, event);
  }

  #onLeaders(node: SimNode): void {
    this.#changes++;
    for (const checker of this.#checkers) checker.leaders?.(node);
  }

  #note(...facts: Facts): void {
    this.#hash.add(this.now, ...facts);
    this.#options.trace?.(`${this.now.toFixed(1).padStart(9)} ${facts.join(" ")}`);
  }
}

/** Whether a network is worse than a healthy one: it loses, or is slower than a probe can bear. */
function isRough({ lossRatio, delayMs: [, most], datagramBytesMax }: ResolvedFaults): boolean {
  return lossRatio > 0 || most > 200 || datagramBytesMax < 1_400;
}
