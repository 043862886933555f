/**
 * Whole clusters of limits machines in virtual time, over a network that loses, doubles, delays and splits, with nodes
 * that crash, restart, join and have wrong clocks; judged by an oracle after every step.
 *
 * @module
 */

import type { Calendar } from "../../../src/core/limits/calendar.ts";
import { MICROS_PER_UNIT } from "../../../src/core/limits/amounts.ts";
import type { ConsumeItem, WriterId } from "../../../src/core/limits/contract.ts";
import { Rng } from "../../../src/core/rng.ts";
import { EventHash } from "../../../src/testing/simulation/event_hash.ts";
import { Timeline } from "../../../src/testing/simulation/timeline.ts";
import { Oracle } from "./oracle.ts";
import { DETECT_MS, type Message, SimNode, usedIn, type World } from "./sim_node.ts";

/** Bugs and fixed choices; everything else comes from the seed. */
export interface LimitsRunOptions {
  /** Isolation judged by the living instead of the members that have not left. */
  readonly isMajorityOfTheAlive?: boolean;
  /** Replaces each node's calendar. */
  readonly calendar?: (calendar: Calendar) => Calendar;
  /** Called before anything happens in a node. */
  readonly onNode?: (node: SimNode, nowMs: number) => void;
  /** Splits the cluster for sure. */
  readonly isSplit?: boolean;
  /** Listens to one checker only. */
  readonly only?: string;
  /** Crashes nodes for sure. */
  readonly isCrashing?: boolean;
}

/** What a run did. */
export interface LimitsRun {
  /** The same for the same seed on every runtime. */
  readonly digest: string;
  readonly admitted: number;
  readonly refused: number;
  /** Decisions by which more than a limit was taken, all within the printed bound. */
  readonly over: number;
}

/** An invariant was broken. */
export class InvariantError extends Error {
  /** Name of the invariant. */
  readonly checker: string;

  /** `what` happened in which run. */
  constructor(checker: string, seed: number, what: string) {
    super(`${checker} broken by seed ${seed}: ${what}`);
    this.checker = checker;
  }
}

const DAY_MS = 86_400_000;

/** A Sunday evening: the day, the hour and the minute end soon after. */
const MIDNIGHT = Date.UTC(2026, 2, 1);

/** Traffic and faults go on for this long. */
const BUSY_MS = 8_000;

/** Then everything heals, and after this nodes must agree. */
const CALM_MS = 6_000;

/** Plays one cluster; throws {@linkcode InvariantError}. */
export function runLimits(seed: number, options: LimitsRunOptions = {}): LimitsRun {
  return new Simulation(seed, options).run();
}

class Simulation implements World {
  readonly isMajorityOfTheAlive: boolean;
  readonly #seed: number;
  readonly #options: LimitsRunOptions;
  readonly #rng: Rng;
  readonly #hash: EventHash = new EventHash();
  readonly #timeline: Timeline = new Timeline();
  readonly #oracle: Oracle = new Oracle();
  readonly #nodes: (SimNode | undefined)[] = [];
  readonly #boots: number[] = [];
  readonly #offsets: number[] = [];
  readonly #zoneShiftMs: number[] = [];
  /** Side of the split that a node is on. */
  readonly #sides: number[] = [];
  readonly #killed: Set<string> = new Set();
  /** What the newest word that anybody received of a writer's cell says, by key: by those still there, and by all. */
  readonly #received: Map<string, { byLiving: number; byAny: number; holders: Set<string> }> =
    new Map();
  readonly #startWall: number;
  readonly #lossRatio: number;
  readonly #limitIds: string[] = [];
  #isBusy = true;
  #admitted = 0;
  #refused = 0;
  #over = 0;

  constructor(seed: number, options: LimitsRunOptions) {
    this.#seed = seed;
    this.#options = options;
    this.isMajorityOfTheAlive = options.isMajorityOfTheAlive ?? false;
    this.#rng = new Rng(seed);
    this.#startWall = MIDNIGHT - this.#rng.between(500, 12_000);
    this.#lossRatio = this.#rng.chance(0.5) ? this.#rng.between(0, 0.3) : 0;
  }

  run(): LimitsRun {
    const count = 1 + this.#rng.below(5);
    this.#define();
    for (let i = 0; i < count; i++) this.#boot(i, true);
    this.#plan(count);
    while ((this.#timeline.next() ?? Infinity) <= BUSY_MS) this.#timeline.step();
    this.#calm();
    while ((this.#timeline.next() ?? Infinity) <= BUSY_MS + CALM_MS) this.#timeline.step();
    this.#timeline.advance(BUSY_MS + CALM_MS);
    this.#checkUsed();
    return {
      digest: this.#hash.digest,
      admitted: this.#admitted,
      refused: this.#refused,
      over: this.#over,
    };
  }

  calendar(index: number): Calendar {
    const calendar = daysFrom(this.#zoneShiftMs[index] ?? 0);
    return this.#options.calendar?.(calendar) ?? calendar;
  }

  send(from: SimNode, to: string, message: Message): void {
    const copies = this.#rng.chance(0.05) ? 2 : 1;
    const index = Number(to.slice(1));
    for (let i = 0; i < copies; i++) {
      if (this.#isBusy && this.#rng.chance(this.#lossRatio)) continue;
      const delayMs = this.#rng.chance(0.03)
        ? this.#rng.between(30, 400)
        : this.#rng.between(0.5, 12);
      this.#timeline.at(this.#now + delayMs, () => {
        if ((this.#sides[from.index] ?? 0) !== (this.#sides[index] ?? 0)) return;
        const node = this.#nodes[index];
        if (node === undefined) return;
        this.#note(message, node);
        this.#within(node, () => node.receive(from.id, message, this.#now));
      });
    }
  }

  get #now(): number {
    return this.#timeline.now;
  }

  #wall(node: SimNode): number {
    return this.#startWall + this.#now + node.wallOffsetMs;
  }

  /** Runs something in a node, then what is due there, and plans when to look again. */
  #within(node: SimNode, run: () => void): void {
    this.#options.onNode?.(node, this.#now);
    run();
    node.step(this.#now, this.#startWall + this.#now);
    this.#hash.step(this.#now, node.index, node.store.size);
    const deadline = node.limits.nextDeadline();
    if (deadline === undefined) return;
    this.#timeline.at(Math.max(this.#now, deadline), () => {
      if (this.#nodes[node.index] !== node) return;
      if ((node.limits.nextDeadline() ?? Infinity) > this.#now) return;
      this.#within(node, () => {});
    });
  }

  #define(): void {
    const kinds = [
      { window: "1m", rolling: false },
      { window: "1m", rolling: true },
      { window: "1d", calendar: true, zone: "UTC" },
    ];
    const policies = ["deny", "share", "limit"];
    const count = 1 + this.#rng.below(3);
    for (let i = 0; i < count; i++) {
      const kind = kinds[this.#rng.below(kinds.length)] as (typeof kinds)[number];
      const units = [3, 20, 60, 250][this.#rng.below(4)] as number;
      this.#publish(`limit|${i}`, 1, {
        ...kind,
        limit: units,
        strength: "approximate",
        whenIsolated: policies[this.#rng.below(policies.length)],
        largestCall: this.#rng.chance(0.3) ? 3 : 1,
        created: `${this.#startWall - 45_000 - i}.0.n0`,
      });
    }
  }

  readonly #definitions: Map<string, { version: number; value: Record<string, unknown> }> =
    new Map();

  #publish(id: string, version: number, value: Record<string, unknown>): void {
    if (!this.#limitIds.includes(id)) this.#limitIds.push(id);
    this.#definitions.set(id, { version, value });
    this.#oracle.cap(id, (value["limit"] as number) * MICROS_PER_UNIT);
  }

  #boot(index: number, isFirst: boolean): void {
    const boot = (this.#boots[index] ?? 0) + 1;
    this.#boots[index] = boot;
    this.#sides[index] ??= 0;
    this.#offsets[index] ??= this.#rng.chance(0.5) ? this.#rng.between(-400, 400) : 0;
    this.#zoneShiftMs[index] ??= this.#rng.chance(0.3) ? this.#rng.below(6_000) - 3_000 : 0;
    const node = new SimNode(index, boot, this, this.#offsets[index] as number);
    this.#nodes[index] = node;
    // Seeds are known from the start, as static peers are.
    for (const [other, otherBoot] of this.#boots.entries()) {
      if (other !== index) node.members.set(`n${other}`, isFirst ? "b1" : `b${otherBoot}`);
    }
    this.#within(node, () => {
      for (const [id, definition] of this.#definitions) node.define(id, definition, this.#now);
      if (isFirst) {
        node.isReady = true;
        node.give({ type: "ready" }, this.#now);
      }
    });
    if (isFirst) {
      for (const each of this.#nodes) each?.members.set(node.id.node, node.id.boot);
    }
    this.#repeat(node, 200, () => node.ping(this.#now));
    this.#repeat(node, 120, () => node.resend());
    this.#repeat(node, 600, () => {
      const peers = node.peers();
      const peer = peers[this.#rng.below(peers.length)];
      if (peer !== undefined) node.dump(peer);
    });
    const paceMs = this.#rng.between(8, 150);
    const requests = (): void => {
      if (this.#nodes[index] !== node || !this.#isBusy) return;
      this.#within(node, () => this.#request(node));
      this.#timeline.at(this.#now + this.#rng.between(0, 2 * paceMs), requests);
    };
    this.#timeline.at(this.#now + this.#rng.between(50, 600), requests);
  }

  #repeat(node: SimNode, everyMs: number, run: () => void): void {
    const again = (): void => {
      if (this.#nodes[node.index] !== node) return;
      this.#within(node, run);
      this.#timeline.at(this.#now + everyMs * this.#rng.between(0.8, 1.2), again);
    };
    this.#timeline.at(this.#now + this.#rng.between(0, 30), again);
  }

  /** Faults of this run. */
  #plan(count: number): void {
    const at = (run: () => void): void => {
      this.#timeline.at(this.#rng.between(300, BUSY_MS - 500), run);
    };
    if (this.#options.isSplit || this.#rng.chance(0.5)) {
      const start = this.#rng.between(300, 3_000);
      this.#timeline.at(start, () => {
        for (let i = 0; i < this.#nodes.length; i++) this.#sides[i] = this.#rng.below(2);
      });
      const lengthMs = this.#options.isSplit ? 4_000 : this.#rng.between(200, 5_000);
      this.#timeline.at(start + lengthMs, () => this.#sides.fill(0));
    }
    const crashes = this.#options.isCrashing ? 2 : this.#rng.below(3);
    for (let i = 0; i < crashes; i++) {
      at(() => {
        const index = this.#rng.below(count);
        // What only the dead knew is gone: somebody has to be left who remembers.
        if (count > 1 && !this.#nodes.includes(undefined)) this.#crash(index);
      });
    }
    if (this.#rng.chance(0.3)) at(() => this.#boot(this.#boots.length, false));
    if (this.#rng.chance(0.4)) {
      at(() => {
        const id = this.#limitIds[0] as string;
        const old = this.#definitions.get(id) as {
          version: number;
          value: Record<string, unknown>;
        };
        const units = (old.value["limit"] as number) * (this.#rng.chance(0.5) ? 2 : 0.5);
        this.#publish(id, old.version + 1, { ...old.value, limit: units });
        const node = this.#nodes.find((each) => each !== undefined);
        if (node === undefined) return;
        const definition = this.#definitions.get(id) as {
          version: number;
          value: Record<string, unknown>;
        };
        this.#within(node, () => node.define(id, definition, this.#now));
      });
    }
    if (this.#rng.chance(0.2)) {
      at(() => {
        const node = this.#nodes[this.#rng.below(count)];
        if (node !== undefined) node.wallOffsetMs += this.#rng.between(-1_000, 1_000);
      });
    }
  }

  #crash(index: number): void {
    const node = this.#nodes[index] as SimNode;
    this.#killed.add(`${node.id.node}|${node.id.boot}`);
    this.#nodes[index] = undefined;
    this.#forgetHolder(node);
    const downMs = this.#rng.between(100, 4_000);
    this.#timeline.at(this.#now + downMs, () => this.#boot(index, false));
  }

  #request(node: SimNode): void {
    const items: ConsumeItem[] = [];
    for (const limit of this.#limitIds) {
      if (this.#limitIds.length > 1 && this.#rng.chance(0.3)) continue;
      const units = this.#rng.chance(0.05) ? 1 + this.#rng.below(12) : 1 + this.#rng.below(3) * 0.5;
      items.push({ limit, amount: units * MICROS_PER_UNIT });
    }
    const reserveMs = this.#rng.chance(0.3) ? 500 : 0;
    const wall = this.#wall(node);
    const before = items.map(({ limit }) => node.limits.read(limit, this.#now, wall));
    const decision = node.limits.consume(items, this.#now, wall, reserveMs);
    if (!decision.admitted) {
      this.#refused++;
      if (decision.retryAfterMs < 0) this.#fail("retryAfter", "it is in the past");
      const window = node.limits.read((items[0] as ConsumeItem).limit, this.#now, wall);
      if (window !== undefined && decision.retryAfterMs > DAY_MS + 3_000) {
        this.#fail("retryAfter", `${decision.retryAfterMs} ms`);
      }
      return;
    }
    this.#admitted++;
    const { reservation } = decision;
    const windows = items.map(({ limit }) => this.#meant(node, limit, wall));
    items.forEach(({ limit, amount }, i) => {
      this.#oracle.note(limit, windows[i] as string, this.#writer(node.id), amount);
      this.#checkBound(node, limit, windows[i] as string, before[i]?.unseenMax ?? NaN);
      this.#checkIsolation(node, limit);
    });
    if (reservation !== 0) this.#settleLater(node, items, windows, reservation);
  }

  #settleLater(
    node: SimNode,
    items: readonly ConsumeItem[],
    windows: readonly string[],
    reservation: number,
  ): void {
    this.#timeline.at(this.#now + this.#rng.between(10, 600), () => {
      if (this.#nodes[node.index] !== node) return;
      this.#within(node, () => {
        const actual = items.map(({ amount }) =>
          this.#rng.chance(0.1) ? amount * 2 : Math.floor(amount * this.#rng.unit())
        );
        const wall = this.#wall(node);
        const isRefund = this.#rng.chance(0.2);
        const result = isRefund
          ? node.limits.refund(reservation, this.#now, wall)
          : node.limits.settle(reservation, actual, this.#now, wall);
        if (result === "unknown") return;
        items.forEach(({ limit, amount }, i) => {
          const more = (isRefund ? 0 : actual[i] as number) - amount;
          const overrun = Math.max(0, more);
          this.#oracle.note(limit, windows[i] as string, this.#writer(node.id), more, overrun);
        });
      });
    });
  }

  /** Admitted <= the largest cap in force + what the admitting node said others may have taken unseen. */
  #checkBound(node: SimNode, limit: string, window: string, unseenMax: number): void {
    const admitted = this.#oracle.admitted(limit, window);
    const cap = this.#oracle.caps.get(limit) as number;
    if (admitted > cap) this.#over++;
    if (admitted <= cap + unseenMax) return;
    this.#fail(
      "bound",
      `${node.id.node} at ${this.#now}: ${admitted} of ${limit} in ${window}, cap ${cap}, bound ${unseenMax}`,
    );
  }

  /** Under `deny` nobody admits who heard of at most half of the members for longer than detection takes. */
  #checkIsolation(node: SimNode, limit: string): void {
    const definition = node.definitions.get(limit);
    if (definition?.value["whenIsolated"] !== "deny") return;
    const heard = node.alive(this.#now, DETECT_MS + 400).length;
    if (heard * 2 > node.members.size) return;
    this.#fail("isolation", `${node.id.node} hears ${heard} of ${node.members.size} and admits`);
  }

  /** Everything works from now on; the dead come back. */
  #calm(): void {
    this.#isBusy = false;
    this.#sides.fill(0);
    for (let i = 0; i < this.#nodes.length; i++) {
      if (this.#nodes[i] === undefined) this.#boot(i, false);
    }
  }

  /** All nodes count the same, and what really happened, less what killed nodes had not told anybody. */
  #checkUsed(): void {
    const living = this.#nodes.filter((node) => node !== undefined);
    for (const node of living) {
      this.#within(node, () => {});
    }
    for (const key of this.#oracle.windows()) {
      const [limit, window] = key.split(" ") as [string, string];
      for (const node of living) this.#checkStore(node, limit, window);
    }
    for (const limit of this.#limitIds) {
      const views = living.map((node) => {
        const wall = this.#wall(node);
        // A first look may turn the window, for which cells are then replayed.
        this.#within(node, () => void node.limits.read(limit, this.#now, wall));
        return { view: node.limits.read(limit, this.#now, wall), node };
      });
      for (const { view, node } of views) {
        if (view === undefined) {
          this.#fail("used", `${node.id.node} does not know ${limit}`);
          continue;
        }
        const stored = [...node.store].filter(([cell]) =>
          cell.startsWith(prefixOf(limit)) && cell.split("|")[2] === view.window
        ).reduce((sum, [, { bytes }]) => sum + usedIn(bytes), 0);
        if (stored !== view.used) {
          this.#fail("used", `${node.id.node} says ${view.used} of ${limit}, cells say ${stored}`);
        }
      }
    }
  }

  #checkStore(node: SimNode, limit: string, window: string): void {
    for (const [writer, micros] of this.#oracle.writers(`${limit} ${window}`)) {
      const cells = [...node.store].filter(([key]) =>
        key.startsWith(prefixOf(limit)) && key.endsWith(`|${writer}`) &&
        meantOf(key.split("|")[2] as string) === window
      );
      const used = cells.reduce((sum, [, { bytes }]) => sum + usedIn(bytes), 0);
      const where = `${node.id.node} counts ${used} of ${writer} for ${limit} in ${window}`;
      if (!this.#killed.has(writer)) {
        if (used !== micros) this.#fail("used", `${where}, it took ${micros}`);
        continue;
      }
      const told = cells.map(([key]) => this.#received.get(key));
      const least = told.reduce((sum, each) => sum + (each?.byLiving ?? 0), 0);
      if (used < least && told.every((each) => each !== undefined)) {
        this.#fail("used", `${where}, others had heard of ${least}`);
      }
    }
    const meant = new Set(
      [...node.store.keys()].filter((key) =>
        key.startsWith(prefixOf(limit)) && meantOf(key.split("|")[2] as string) === window
      ).map((key) => key.split("|")[2]),
    );
    if (meant.size > 1) {
      this.#fail("oneWindow", `${window} of ${limit} is ${[...meant].join(", ")}`);
    }
  }

  /** What the last words of killed writers were, as far as somebody has them. */
  #note(message: Message, to: SimNode): void {
    if (message.type !== "cells") return;
    for (const { key, word, bytes } of message.cells) {
      let received = this.#received.get(key);
      if (received === undefined) {
        received = { byLiving: 0, byAny: 0, holders: new Set() };
        this.#received.set(key, received);
      }
      if (word > received.byAny) {
        received.byAny = word;
        received.holders.clear();
        received.byLiving = usedIn(bytes);
      }
      if (word === received.byAny) received.holders.add(this.#writer(to.id));
    }
  }

  #forgetHolder(node: SimNode): void {
    for (const [key, received] of this.#received) {
      received.holders.delete(this.#writer(node.id));
      // The newest word may be gone with it: nothing is promised for this cell any more.
      if (received.holders.size === 0) this.#received.delete(key);
    }
  }

  #writer({ node, boot }: WriterId): string {
    return `${node}|${boot}`;
  }

  /** The window that a node should be in, by names that bugs of its calendar don't change. */
  #meant(node: SimNode, limit: string, wall: number): string {
    const view = node.limits.read(limit, this.#now, wall);
    return meantOf(view?.window ?? "");
  }

  #fail(checker: string, what: string): void {
    if ((this.#options.only ?? checker) !== checker) return;
    throw new InvariantError(checker, this.#seed, what);
  }
}

/** Cells of one limit begin with this: the ids of this simulation have a bar in them. */
function prefixOf(limit: string): string {
  return limit.replaceAll("|", "%7C") + "|";
}

/** Days named by milliseconds are still meant as days. */
function meantOf(window: string): string {
  const match = /^1d\/UTC\/(\d{12,})$/.exec(window);
  if (match === null) return window;
  const nearest = Math.round(Number(match[1]) / DAY_MS) * DAY_MS;
  return `1d/UTC/${new Date(nearest).toISOString().slice(0, 10)}`;
}

/** Days of UTC by time zone data that are off by `shiftMs`, as data of different age are. */
function daysFrom(shiftMs: number): Calendar {
  return {
    window(length, zone, wallMs) {
      if (length !== "1d" || zone !== "UTC") return undefined;
      const day = Math.floor((wallMs - shiftMs) / DAY_MS);
      const startMs = day * DAY_MS + shiftMs;
      const label = new Date(day * DAY_MS).toISOString().slice(0, 10);
      return { label, startMs, endMs: startMs + DAY_MS };
    },
  };
}
