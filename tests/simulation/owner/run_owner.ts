/**
 * A random life of a cluster with limits of the `owner` strength, all of it from one seed.
 *
 * In most runs all nodes see the members the same way, some a moment later than others, and whoever is killed is
 * killed only when the owner and the next on the ring know the same: what the guarantee assumes. In the others nodes
 * see whom they like; then nothing is promised but that no count is lost and every call is answered.
 *
 * @module
 */

import { MICROS_PER_UNIT } from "../../../src/core/limits/amounts.ts";
import { parseCellKey } from "../../../src/core/limits/cell_key.ts";
import type { ConsumeItem } from "../../../src/core/limits/contract.ts";
import { type ResolvedLimit, resolveLimit } from "../../../src/core/limits/definition.ts";
import type {
  OwnerConfig,
  OwnerDecision,
  OwnerMember,
} from "../../../src/core/limits/owner/contract.ts";
import { OWNER_RULES, type OwnerRules } from "../../../src/core/limits/owner/rules.ts";
import { ownerOf, shardOf } from "../../../src/core/limits/rendezvous.ts";
import { SUB_WINDOWS, subWindowMs, Windows } from "../../../src/core/limits/windows.ts";
import { Rng } from "../../../src/core/rng.ts";
import { EventHash } from "../../../src/testing/simulation/event_hash.ts";
import { Timeline } from "../../../src/testing/simulation/timeline.ts";
import {
  type Call,
  MIDNIGHT,
  partsOf,
  SIM_SHARDS,
  SimNode,
  type Wire,
  type World,
} from "./sim_node.ts";
import { Truth } from "./truth.ts";

/** How a run is bent. */
export interface RunOptions {
  /** Rules that do not hold. */
  readonly rules?: Partial<OwnerRules>;
  readonly trace?: (line: string) => void;
}

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  /** What was wrong; `undefined`: nothing. */
  readonly violation: string | undefined;
  readonly admitted: number;
  readonly refused: number;
  readonly kills: number;
  readonly digest: string;
}

/** Traffic and faults go on for this long; then everything heals, and after the calm all must agree. */
const BUSY_MS = 6_000;
const CALM_MS = 7_000;

/** Runs one seed to its end, or to the first violation. */
export function runOwner(seed: number, options: RunOptions = {}): RunResult {
  return new Life(seed, options).live();
}

/** What callers do in a run. */
type Manner =
  /** Everything. */
  | "rich"
  /** One limit per call, nothing given back, patience without end: then every count is exact even when nodes die. */
  | "plain";

class Life implements World {
  readonly rules: OwnerRules;
  readonly config: Partial<OwnerConfig>;
  readonly #options: RunOptions;
  readonly #seed: number;
  readonly #dice: Rng;
  readonly #timeline: Timeline = new Timeline();
  readonly #hash: EventHash = new EventHash();
  readonly #truth: Truth = new Truth();
  readonly #nodes: Map<string, SimNode> = new Map();
  readonly #members: Map<string, OwnerMember> = new Map();
  readonly #boots: Map<string, number> = new Map();
  readonly #limits: Map<string, ResolvedLimit> = new Map();
  readonly #startWall: number;
  readonly #loss: number;
  readonly #lagMs: number;
  /** Callers begin then: some of them while nodes join. */
  readonly #beginMs: number;
  /** The store's replication is slower than calls. */
  readonly #cellLagMs: number;
  readonly #paceMs: number;
  readonly #agrees: boolean;
  readonly #manner: Manner;
  readonly #kills: number;
  readonly #leaves: number;
  #version = 0;
  #names = 0;
  #changing = 0;
  #isBusy = true;
  #killed = 0;
  /** Killed or left: what was to be given back there may stand. */
  #gone = 0;
  #admitted = 0;
  #refused = 0;
  #violation: string | undefined;

  constructor(seed: number, options: RunOptions) {
    const dice = new Rng(seed ^ 0x0517e5);
    this.#seed = seed;
    this.#dice = dice;
    this.#options = options;
    this.rules = { ...OWNER_RULES, ...options.rules };
    this.#agrees = dice.chance(0.8);
    this.#manner = dice.chance(0.35) ? "plain" : "rich";
    // Whoever dies while nodes see whom they like may take counts along.
    this.#kills = this.#agrees && dice.chance(0.6) ? 1 + dice.below(4) : 0;
    this.#leaves = dice.below(3);
    this.#startWall = MIDNIGHT - dice.between(500, 12_000);
    this.#loss = dice.chance(0.6) ? dice.between(0, 0.3) : 0;
    this.#lagMs = dice.chance(0.6) ? dice.between(0, dice.chance(0.4) ? 1_500 : 200) : 0;
    this.#beginMs = dice.chance(0.3) ? dice.between(1_000, 3_000) : 0;
    this.#cellLagMs = dice.chance(0.5) ? dice.between(0, 2_000) : 0;
    this.#paceMs = dice.between(20, 150);
    this.config = {
      strangerMs: 1_000,
      ...(dice.chance(0.3) ? { batchMax: 2, retryMs: 40 } : {}),
    };
    this.#define();
  }

  live(): RunResult {
    const dice = this.#dice;
    const size = 1 + dice.below(6);
    this.#trace(`${size} nodes, ${this.#manner}, ${this.#agrees ? "agreeing" : "divided"}`);
    for (let i = 0; i < size; i++) this.#boot(`n${this.#names++}`, true);
    this.#publish();
    this.#plan();
    this.#run(BUSY_MS);
    this.#calm();
    this.#run(BUSY_MS + CALM_MS);
    if (this.#violation === undefined) this.#check();
    return {
      seed: this.#seed,
      violation: this.#violation,
      admitted: this.#admitted,
      refused: this.#refused,
      kills: this.#killed,
      digest: this.#hash.digest,
    };
  }

  get now(): number {
    return this.#timeline.now;
  }

  wallMs(node: SimNode): number {
    return this.#startWall + this.now + node.offsetMs;
  }

  at(ms: number, run: () => void): void {
    this.#timeline.at(ms, run);
  }

  everybody(): Iterable<string> {
    return this.#nodes.keys();
  }

  transmit(from: string, to: string, message: Wire): void {
    const dice = this.#dice;
    const copies = dice.chance(0.08) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.#isBusy && dice.chance(this.#loss)) continue;
      const lagMs = message.type === "cells" && this.#isBusy ? dice.between(0, this.#cellLagMs) : 0;
      const delayMs = lagMs + (dice.chance(0.04) ? dice.between(30, 600) : dice.between(0.5, 12));
      this.at(this.now + delayMs, () => {
        this.#hash.step(this.now, Number(to.slice(1)), message.type.length);
        this.#nodes.get(to)?.receive(from, message);
      });
    }
  }

  decided(node: SimNode, call: Call, decision: OwnerDecision): void {
    const { now } = this;
    if (now - call.begunAt > this.#giveUpMs + 50) {
      this.#violate(`${node.name} decided a call after ${now - call.begunAt} ms`);
    }
    if (decision.retryAfterMs < 0) this.#violate(`retry after ${decision.retryAfterMs} ms`);
    if (!decision.admitted) {
      this.#refused++;
      // Whether a dead owner had charged it nobody may know.
      const isSure = decision.reason === "limit" && call.items.length === 1;
      if (!isSure || this.#manner === "rich") this.#doubt(call.items);
      return;
    }
    this.#admitted++;
    for (const [i, { amount }] of call.items.entries()) {
      const { cell, index } = decision.items[i] as { cell: string; index: number };
      this.#truth.note(cell, index, amount);
      this.#checkCap(node, cell, index);
    }
    if (decision.reservation !== 0) this.#settleLater(node, call, decision);
  }

  get #giveUpMs(): number {
    return this.#manner === "plain" ? 14_000 : 1_000;
  }

  #run(until: number): void {
    while (this.#violation === undefined && (this.#timeline.next() ?? Infinity) <= until) {
      this.#timeline.step();
    }
    this.#timeline.advance(until);
  }

  #define(): void {
    const dice = this.#dice;
    const kinds = [
      { window: "1m" },
      { window: "1m", rolling: true },
      { window: "1d", calendar: true, zone: "UTC" },
    ];
    const count = 1 + dice.below(3);
    for (let i = 0; i < count; i++) {
      const units = [3, 20, 60, 250][dice.below(this.#manner === "plain" ? 2 : 4)] as number;
      const whenIsolated = this.#agrees
        ? "deny"
        : ["deny", "share", "limit"][dice.below(3)] as string;
      this.#publishLimit(`limit|${i}`, {
        ...kinds[dice.below(kinds.length)],
        limit: this.#manner === "plain" && dice.chance(0.7) ? 5_000 : units,
        strength: "owner",
        whenIsolated,
        created: `${Math.floor(this.#startWall) - 45_000 - i}.0.n0`,
      });
    }
  }

  #publishLimit(id: string, value: Record<string, unknown>): void {
    const windows = new Windows({
      window: (_, __, wallMs) => ({ label: "", startMs: wallMs, endMs: wallMs + 1 }),
    });
    const checks = { windows, strengths: new Set(["owner"] as const) };
    const resolution = resolveLimit(id, value, checks);
    if (!resolution.ok) throw new Error(resolution.problem);
    this.#limits.set(id, resolution.limit);
    this.#truth.cap(id, resolution.limit.limit);
  }

  #boot(name: string, isFirst: boolean): SimNode {
    const dice = this.#dice;
    const boot = `${name}.${(this.#boots.get(name) ?? 0) + 1}`;
    this.#boots.set(name, Number(boot.split(".")[1]));
    const node = new SimNode(this, name, boot, dice.chance(0.5) ? dice.between(-200, 200) : 0);
    this.#nodes.set(name, node);
    for (const limit of this.#limits.values()) node.define(limit);
    this.#members.set(name, { node: name, boot, state: isFirst ? "ready" : "joining" });
    node.view(this.#version, this.#list());
    this.at(Math.max(this.#beginMs, this.now) + dice.between(20, 300), () => this.#traffic(node));
    this.at(this.now + dice.between(0, 300), () => this.#sync(node));
    return node;
  }

  /** A node joins, or comes back with nothing, and is ready once it has a copy of somebody's store. */
  #join(name: string): void {
    this.#trace(`join ${name}`);
    const node = this.#boot(name, false);
    this.#publish();
    this.at(this.now + this.#dice.between(30, 600), () => {
      if (node.isDown || node.isLeaving) return;
      const source = [...this.#nodes.values()].find((each) => each !== node && !each.isDown);
      for (const cell of source?.store.values() ?? []) {
        node.receive(source?.name ?? "", {
          type: "cells",
          cells: [cell],
        });
      }
      this.#state(node, "ready");
    });
  }

  #state(node: SimNode, state: OwnerMember["state"]): void {
    const known = this.#members.get(node.name);
    if (known === undefined || known.boot !== node.boot) return;
    this.#members.set(node.name, { ...known, state });
    this.#publish();
  }

  #list(): OwnerMember[] {
    return [...this.#members.values()];
  }

  /** Everybody hears of the members, some later than others. */
  #publish(): void {
    const version = ++this.#version;
    const members = this.#list();
    for (const node of this.#nodes.values()) {
      const lagMs = this.#dice.between(0, this.#lagMs);
      this.#changing++;
      this.at(this.now + lagMs, () => {
        this.#changing--;
        if (this.#agrees || !this.#isBusy) node.view(version, members);
      });
    }
  }

  #sync(node: SimNode): void {
    if (node.isDown) return;
    const others = [...this.#nodes.keys()].filter((name) => name !== node.name);
    const other = others[this.#dice.below(others.length)];
    if (other !== undefined) node.dump(other);
    this.at(this.now + this.#dice.between(150, 400), () => this.#sync(node));
  }

  #traffic(node: SimNode): void {
    if (node.isDown || !this.#isBusy) return;
    if (!node.isLeaving) this.#call(node);
    const dice = this.#dice;
    this.at(this.now + dice.between(0, 2 * this.#paceMs), () => this.#traffic(node));
  }

  #call(node: SimNode): void {
    const dice = this.#dice;
    const ids = dice.shuffle([...this.#limits.keys()]);
    const isPlain = this.#manner === "plain";
    const items: ConsumeItem[] = ids.slice(0, isPlain ? 1 : 1 + dice.below(ids.length))
      .map((limit) => ({ limit, amount: (1 + dice.below(4)) * MICROS_PER_UNIT / 2 }));
    const reserveMs = !isPlain && dice.chance(0.3) ? 800 : 0;
    const call = node.call(items, reserveMs, this.#giveUpMs);
    if (isPlain || !dice.chance(0.06)) return;
    this.at(this.now + dice.between(0, 60), () => {
      if (node.isDown || !node.calls.delete(call.id)) return;
      this.#doubt(items);
      node.owner.abandon(call.id, this.now);
      node.wake();
    });
  }

  #doubt(items: readonly ConsumeItem[]): void {
    for (const { amount } of items) this.#truth.uncertain += amount;
  }

  #settleLater(node: SimNode, call: Call, { reservation, items: views }: OwnerDecision): void {
    const dice = this.#dice;
    this.at(this.now + dice.between(10, 1_000), () => {
      if (node.isDown) return;
      // What it cost more is lost with whoever has to be told of it.
      const isExact = this.#agrees && this.#kills === 0 && this.#leaves === 0;
      const isRefund = dice.chance(0.2);
      const amounts = call.items.map(({ amount }) => {
        if (isRefund) return 0;
        return isExact && dice.chance(0.1) ? amount * 2 : Math.floor(amount * dice.unit());
      });
      const result = node.owner.settle(reservation, amounts, this.now);
      node.wake();
      if (result === "unknown") return;
      for (const [i, { amount }] of call.items.entries()) {
        const { cell, index } = views[i] as { cell: string; index: number };
        const more = (amounts[i] as number) - amount;
        this.#truth.note(cell, index, more, Math.max(0, more));
        if (more < 0) this.#truth.uncertain -= more;
      }
    });
  }

  #plan(): void {
    const dice = this.#dice;
    const at = (run: () => void): void => this.at(dice.between(400, BUSY_MS - 300), run);
    if (this.#beginMs > 0) {
      this.at(this.#beginMs + dice.between(-600, 400), () => this.#join(`n${this.#names++}`));
    }
    for (let i = 0; i < this.#kills; i++) at(() => this.#killSoon(40));
    for (let i = dice.below(4); i > 0; i--) at(() => this.#join(`n${this.#names++}`));
    for (let i = 0; i < this.#leaves; i++) at(() => this.#leave());
    if (dice.chance(0.3)) {
      at(() => {
        const id = `limit|${dice.below(this.#limits.size)}`;
        const old = this.#limits.get(id) as ResolvedLimit;
        const limit = { ...old, limit: old.limit * (dice.chance(0.5) ? 2 : 0.5) };
        this.#limits.set(id, limit);
        this.#truth.cap(id, limit.limit);
        for (const node of this.#nodes.values()) {
          this.at(this.now + dice.between(0, 500), () => {
            if (!node.isDown) node.define(limit);
          });
        }
      });
    }
    if (!this.#agrees) {
      const diverge = (): void => {
        if (!this.#isBusy) return;
        for (const node of this.#nodes.values()) if (dice.chance(0.5)) this.#imagine(node);
        this.at(this.now + dice.between(50, 1_500), diverge);
      };
      this.at(dice.between(0, 500), diverge);
    }
  }

  /** A node sees whom it likes. */
  #imagine(node: SimNode): void {
    const dice = this.#dice;
    const states = ["ready", "ready", "ready", "dead", "joining", "left", "leaving"] as const;
    const members = this.#list().filter(() => dice.chance(0.9)).map((member): OwnerMember => ({
      ...member,
      state: member.node === node.name && !node.isLeaving
        ? "ready"
        : states[dice.below(states.length)] as OwnerMember["state"],
    }));
    node.view(++this.#version, members);
  }

  /** Kills a node as soon as the assumption allows it. */
  #killSoon(tries: number): void {
    if (!this.#isBusy || tries === 0) return;
    const up = [...this.#nodes.values()].filter((node) => !node.isDown && !node.isLeaving);
    if (up.length < 2 || !this.#mayKill()) {
      this.at(this.now + this.#dice.between(20, 100), () => this.#killSoon(tries - 1));
      return;
    }
    // Mostly those who have something to lose.
    const owners = up.filter(({ name }) =>
      [...this.#limits.keys()].some((id) => this.#ownerOf(id) === name)
    );
    const those = this.#dice.chance(0.7) && owners.length > 0 ? owners : up;
    this.#kill(those[this.#dice.below(those.length)] as SimNode);
  }

  #kill(node: SimNode): void {
    const dice = this.#dice;
    this.#trace(`kill ${node.name}`);
    this.#killed++;
    this.#gone++;
    node.kill();
    for (const { items } of node.calls.values()) this.#doubt(items);
    const isQuick = dice.chance(0.3);
    this.#changing++;
    this.at(this.now + (isQuick ? dice.between(5, 100) : dice.between(300, 1_500)), () => {
      this.#changing--;
      if (isQuick) return this.#join(node.name);
      this.#state(node, "dead");
      this.at(this.now + dice.between(100, 2_500), () => {
        if (this.#isBusy && dice.chance(0.7)) return this.#join(node.name);
        this.#state(node, "left");
        this.at(this.now + 500, () => this.#forget(node));
      });
    });
  }

  #forget(node: SimNode): void {
    if (this.#members.get(node.name)?.boot !== node.boot) return;
    this.#members.delete(node.name);
    this.#nodes.delete(node.name);
    this.#publish();
  }

  /** The owner and the next on the ring know the same of every limit, and everybody knows who they are. */
  #mayKill(): boolean {
    if (!this.#agrees) return true;
    if (this.#changing > 0) return false;
    if (this.#list().filter(({ state }) => state === "ready").length < 2) return false;
    return [...this.#limits.keys()].every((id) => {
      const owner = this.#ownerOf(id);
      const node = owner === undefined ? undefined : this.#nodes.get(owner);
      return node !== undefined && !node.isDown && node.owner.office(id).isSafe;
    });
  }

  #ownerOf(id: string): string | undefined {
    const ready = this.#list().filter(({ state }) => state === "ready").map(({ node }) => node);
    return ownerOf(shardOf(id) % SIM_SHARDS, ready);
  }

  #leave(): void {
    const up = [...this.#nodes.values()].filter((node) =>
      !node.isDown && !node.isLeaving && this.#members.get(node.name)?.state === "ready"
    );
    if (up.length < 2) return;
    const node = up[this.#dice.below(up.length)] as SimNode;
    this.#trace(`leave ${node.name}`);
    this.#gone++;
    node.isLeaving = true;
    node.hand({ type: "leave" });
    this.#state(node, "leaving");
    const look = (): void => {
      if (node.isDown) return;
      if (!node.owner.isDrained || node.calls.size > 0) {
        return this.at(this.now + 50, look);
      }
      this.at(this.now + 300, () => {
        if (node.isDown) return;
        // What it wrote last must have reached somebody.
        for (const other of this.#nodes.values()) {
          if (other !== node) {
            for (const cell of node.store.values()) {
              other.receive(node.name, { type: "cells", cells: [cell] });
            }
          }
        }
        node.kill();
        this.#state(node, "left");
        this.at(this.now + 500, () => this.#forget(node));
      });
    };
    look();
  }

  /** Nothing is lost any more, all see the same. */
  #calm(): void {
    this.#trace("calm");
    this.#isBusy = false;
    this.#publish();
    // Everybody is asked once more: the offices must be open to all.
    for (const node of this.#nodes.values()) {
      this.at(BUSY_MS + CALM_MS - 1_500, () => {
        if (node.isDown || node.isLeaving) return;
        if (this.#members.get(node.name)?.state !== "ready") return;
        const all = this.#list().filter(({ state }) => state !== "left").length;
        const ready = this.#list().filter(({ state }) => state === "ready").length;
        if (ready * 2 <= all) return;
        for (const limit of this.#limits.keys()) {
          const call = node.call([{ limit, amount: 0 }], 0, this.#giveUpMs);
          this.at(this.now + 900, () => {
            if (node.calls.has(call.id)) {
              this.#violate(`nobody decides for ${node.name} of ${limit} in the calm`);
            }
          });
        }
      });
    }
  }

  #checkCap(node: SimNode, cell: string, index: number): void {
    if (!this.#agrees) return;
    const limit = parseCellKey(cell)?.limit as string;
    const isRolling = this.#limits.get(limit)?.shape.kind === "rolling";
    const admitted = this.#truth.admitted(cell, index, isRolling);
    const cap = this.#truth.caps.get(limit) as number;
    if (admitted <= cap) return;
    this.#violate(`cap: ${node.name} was given ${cell}: ${admitted} of ${cap} are admitted`);
  }

  /** All agree on what was used, and it is what callers were told, less nothing. */
  #check(): void {
    const up = [...this.#nodes.values()].filter((node) => !node.isDown);
    if (up.length === 0) return;
    for (const [id, limit] of this.#limits) {
      const name = this.#ownerOf(id);
      const owner = name === undefined ? undefined : this.#nodes.get(name);
      if (owner === undefined || owner.isDown) continue;
      if (!owner.owner.office(id).isOpen) this.#violate(`${name} holds no office for ${id}`);
      owner.hand({ type: "tick" });
      const view = owner.owner.used(id);
      if (view === undefined) continue;
      owner.hand({ type: "tick" });
      const { window, used } = owner.owner.used(id) ?? view;
      const now = Math.floor(this.wallMs(owner) / subWindowMs(limit.shape));
      const oldest = limit.shape.kind === "rolling" ? now - SUB_WINDOWS : -Infinity;
      const told = this.#truth.used(id, window, oldest);
      const most = told + (this.#gone > 0 ? this.#truth.uncertain : 0);
      if (used < told) this.#violate(`count: ${used} of ${id} in ${window}, callers took ${told}`);
      if (this.#agrees && used > most) {
        this.#violate(`count: ${used} of ${id} in ${window}, callers took only ${told}`);
      }
    }
    if (this.#gone === 0 && this.#agrees) { for (const node of up) this.#checkStore(node); }
  }

  /** Every cell of the store says what its callers were told. */
  #checkStore(node: SimNode): void {
    for (const [key, { bytes }] of node.store) {
      for (const [index, used] of partsOf(bytes)) {
        const told = this.#truth.cells.get(key)?.get(index) ?? 0;
        if (used === told) continue;
        this.#violate(`count: ${node.name} stores ${used} of ${key} at ${index}, told ${told}`);
      }
    }
    for (const [key, parts] of this.#truth.cells) {
      const isEmpty = [...parts.values()].every((told) => told === 0);
      if (!isEmpty && !node.store.has(key)) this.#violate(`count: ${node.name} has no ${key}`);
    }
  }

  #trace(line: string): void {
    this.#options.trace?.(`${this.now.toFixed(0)} ${line}`);
  }

  #violate(text: string): void {
    this.#violation ??= `at ${this.now.toFixed(0)} ms: ${text}`;
    this.#trace(`VIOLATION ${text}`);
  }
}
