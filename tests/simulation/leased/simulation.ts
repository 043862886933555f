/**
 * A cluster whose nodes lend rights to one another, over a network that loses, doubles, delays and cuts, with callers
 * that ask for more than there is.
 *
 * @module
 */

import type { LeasedConfig } from "../../../src/core/limits/leased/contract.ts";
import type { LeasedMessage } from "../../../src/core/limits/leased/messages.ts";
import { shardOf } from "../../../src/core/limits/rendezvous.ts";
import type { Right } from "../../../src/core/limits/leased/right.ts";
import type { LeasedRules } from "../../../src/core/limits/leased/rules.ts";
import { Rng } from "../../../src/core/rng.ts";
import { Agenda } from "./agenda.ts";
import { mayForget } from "./memory_rule.ts";
import { LimitTruth } from "./oracle.ts";
import { EPOCH_MS, type NodeWorld, SimNode } from "./sim_node.ts";

/** A wrong part in place of a right one. */
export interface Plant {
  readonly rules?: Partial<LeasedRules>;
  /** Voters keep their name over restarts though they forget. */
  readonly isForgetful?: boolean;
  /** Storage says that something is written before it is. */
  readonly writesLate?: boolean;
  /** The assumption that the variant makes, in place of ours. */
  readonly mayForget?: (forgetting: readonly SimNode[], world: Simulation) => boolean;
  /** Sees every message when it is sent; answers what is sent in its place. */
  readonly sent?: (message: LeasedMessage, world: Simulation) => LeasedMessage;
  /** Sees every message when it arrives. */
  readonly received?: (message: LeasedMessage, world: Simulation) => LeasedMessage;
}

/** What a simulation is made of. */
export interface SimulationOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly shards: number;
  /** Share of nodes with storage. */
  readonly storageRatio: number;
  readonly limits: readonly {
    readonly cap: number;
    readonly windowMs: number;
    readonly span: number;
  }[];
  /** Largest distance of a node's cluster time from the truth. */
  readonly skewMaxMs: number;
  readonly driftMax: number;
  /** How likely a look at a node that knows a newer definition brings it. */
  readonly newsRatio: number;
  readonly config: Partial<LeasedConfig>;
  readonly rules?: LeasedRules | undefined;
  readonly plant?: Plant | undefined;
  readonly trace?: ((line: string) => void) | undefined;
}

/** How bad the network is. */
export interface Quality {
  readonly loss: number;
  readonly doubled: number;
  readonly delayMs: readonly [number, number];
}

/** Until a node that is not heard of is taken for dead, and until it is forgotten. */
const DEAD_AFTER_MS = 1_500;
const REAPED_AFTER_MS = 12_000;

/** See the module. */
export class Simulation implements NodeWorld {
  readonly rng: Rng;
  readonly agenda: Agenda = new Agenda();
  readonly nodes: SimNode[] = [];
  readonly limits: LimitTruth[] = [];
  readonly shards: number;
  readonly config: Partial<LeasedConfig>;
  readonly rules: LeasedRules | undefined;
  readonly isForgetful: boolean;
  readonly writesLate: boolean;
  readonly options: SimulationOptions;
  newsRatio: number;
  quality: Quality = { loss: 0, doubled: 0, delayMs: [0.2, 3] };
  /** `a>b`: nothing goes from a to b. */
  readonly cuts: Set<string> = new Set();
  violation: string | undefined;
  admitted = 0;
  admittedAmount = 0;
  refused = 0;
  messages = 0;
  #names = 0;

  /** Starts all nodes. */
  constructor(options: SimulationOptions) {
    this.options = options;
    this.newsRatio = options.newsRatio;
    this.rng = new Rng(options.seed);
    this.shards = options.shards;
    this.config = options.config;
    this.rules = options.rules;
    this.isForgetful = options.plant?.isForgetful ?? false;
    this.writesLate = options.plant?.writesLate ?? false;
    let tried = 0;
    for (const { cap, windowMs, span } of options.limits) {
      while (shardOf(`limit${tried}`) >= options.shards) tried++;
      this.limits.push(new LimitTruth(`limit${tried++}`, windowMs, span, cap));
    }
    for (let i = 0; i < options.nodes; i++) this.add();
  }

  get now(): number {
    return this.agenda.now;
  }

  in(ms: number, act: () => void): void {
    this.agenda.in(ms, act);
  }

  /** Lets time pass, until something is wrong. */
  runFor(ms: number): void {
    this.agenda.runUntil(this.agenda.now + ms, () => this.violation !== undefined);
  }

  /** A new machine joins. */
  add(): SimNode {
    const { rng, options } = this;
    const hasStorage = rng.chance(options.storageRatio);
    const name = `n${this.#names++}`;
    const drift = rng.between(-options.driftMax, options.driftMax);
    const node = new SimNode(this, name, hasStorage, drift);
    node.skewMs = rng.between(-options.skewMaxMs, options.skewMaxMs);
    this.nodes.push(node);
    node.start();
    this.in(rng.between(0, 500), () => this.#look(node));
    return node;
  }

  /** Whether messages get from a to b. */
  isOpen(a: SimNode, b: SimNode): boolean {
    return !this.cuts.has(`${a.name}>${b.name}`);
  }

  /** Whether these nodes may forget all at once, by the assumption. */
  mayForget(nodes: readonly SimNode[]): boolean {
    const { plant } = this.options;
    if (plant?.mayForget !== undefined) return plant.mayForget(nodes, this);
    return mayForget(nodes, this.nodes, this.shards);
  }

  transmit(from: SimNode, to: string, message: LeasedMessage): void {
    const { rng, quality: { loss, doubled, delayMs } } = this;
    const target = this.nodes.find(({ name }) => name === to);
    if (target === undefined) return;
    const copies = rng.chance(doubled) ? 1 + rng.below(3) : 1;
    const sent = this.options.plant?.sent?.(message, this) ?? message;
    for (let i = 0; i < copies; i++) {
      if (loss > 0 && rng.chance(loss)) continue;
      // Some copies take their time: they arrive after whatever happens meanwhile.
      const isLost = i > 0 && rng.chance(0.2);
      const delay = rng.between(delayMs[0], delayMs[1]) + (isLost ? rng.between(0, 20_000) : 0);
      this.in(delay, () => {
        if (!this.isOpen(from, target)) return;
        target.run(() => {
          this.messages++;
          const received = this.options.plant?.received?.(sent, this) ?? sent;
          target.hand({ type: "message", from: from.name, message: received });
        });
      });
    }
  }

  /** A caller asks for an amount; answers the right it was taken from. */
  consume(node: SimNode, index: number, amount: number, isReservation: boolean): Right | undefined {
    const truth = this.limits[index] as LimitTruth;
    const limit = node.leased?.limit(truth.key);
    if (limit === undefined) return undefined;
    const { mono } = node;
    const refusal = limit.check(amount, mono);
    let taken: Right | undefined;
    if (refusal === undefined) {
      taken = isReservation ? limit.reserve(amount, mono) : limit.right;
      if (!isReservation) limit.take(amount, mono);
    }
    node.wake();
    if (taken === undefined) {
      this.refused++;
      return undefined;
    }
    this.admitted++;
    this.admittedAmount += amount;
    this.#count(truth, taken, amount, node);
    return taken;
  }

  /** How many windows were used, and nearly used up. */
  fill(): { readonly windows: number; readonly full: number } {
    let windows = 0;
    let full = 0;
    for (const { reserved, versions } of this.limits) {
      const least = Math.min(...versions.map(({ cap }) => cap));
      for (const amount of reserved.values()) {
        windows++;
        if (amount >= 0.9 * least) full++;
      }
    }
    return { windows, full };
  }

  /** What a reservation needed less than its estimate, or what was refunded. */
  uncount(index: number, right: Right, amount: number): void {
    const { order } = right.window;
    this.limits[index]?.count(order, -amount);
    if (right.isOver) this.limits[index]?.countBeside(order, amount);
  }

  /** Notes what happens, for those who look for a cause. */
  trace(line: string): void {
    this.options.trace?.(`${this.now.toFixed(0)} ${line}`);
  }

  #count(truth: LimitTruth, right: Right, amount: number, node: SimNode): void {
    const { order, startMs, endMs } = right.window;
    const { skewMaxMs } = this.options;
    truth.count(order, amount);
    const used = truth.versions.find(({ version }) => version.wallMs === right.version?.wallMs);
    if (used !== undefined) used.firstUsedAt = Math.min(used.firstUsedAt, this.now);
    const wallMs = EPOCH_MS + this.now;
    // Whoever says when a window is over may be wrong by its skew, and by what its clock drifted since it was told.
    const slackMs = 2 * skewMaxMs + 100;
    if (wallMs < startMs - slackMs || wallMs > endMs + slackMs) {
      this.violate(`${node.name} admitted ${amount} of ${truth.key} at ${wallMs} in ${order}`);
    }
    // Every ring that this window belongs to.
    for (let last = order; last < order + truth.span; last++) {
      const cap = truth.largestCap(last, slackMs + 1_000, (at) => EPOCH_MS + at);
      const reserved = truth.inRing(last);
      if (reserved <= cap) continue;
      this.violate(
        `${node.name} admitted ${amount} of ${truth.key}: ${reserved} of ${cap} in window ${last}`,
      );
    }
  }

  /** Something is wrong. */
  violate(text: string): void {
    this.violation ??= `at ${this.now.toFixed(0)} ms: ${text}`;
    this.trace(`VIOLATION ${text}`);
  }

  /** A node looks around: who answers, who has not for long, and what they know of the limits. */
  #look(node: SimNode): void {
    if (node.isGone) return;
    const { rng } = this;
    this.in(rng.between(250, 600), () => this.#look(node));
    node.run(() => {
      let isChanged = node.seen.size === 0;
      for (const other of this.nodes) {
        if (other === node) continue;
        isChanged = this.#see(node, other) || isChanged;
      }
      node.tellClock();
      if (isChanged) node.tellMembers();
    });
  }

  #see(node: SimNode, other: SimNode): boolean {
    const known = node.seen.get(other.name);
    const isHeard = other.isUp && this.isOpen(other, node) && this.isOpen(node, other) &&
      !this.rng.chance(this.quality.loss / 2);
    if (isHeard) {
      this.limits.forEach((_, index) => {
        const version = other.known[index] ?? 0;
        const isNews = version > (node.known[index] ?? 0);
        if (isNews && this.rng.chance(this.newsRatio)) node.learn(index, version);
      });
      const state = other.isLeaving ? "leaving" : "alive";
      const { boot, voter } = other;
      node.seen.set(other.name, { boot, voter, state, lastSeen: this.now });
      return known?.boot !== boot || known.state !== state;
    }
    if (known === undefined) return false;
    if (other.hasLeft && known.state === "leaving") {
      known.state = "left";
      return true;
    }
    const silentMs = this.now - known.lastSeen;
    if (silentMs > REAPED_AFTER_MS && known.state === "dead") {
      node.seen.delete(other.name);
      return true;
    }
    if (silentMs <= DEAD_AFTER_MS || known.state === "dead" || known.state === "left") return false;
    known.state = "dead";
    return true;
  }
}
