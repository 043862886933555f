/**
 * A simulated node: what outlives its processes (name, host, wall clock), and the process while there is one.
 *
 * @module
 */

import type { Leaders } from "../../core/coordination/leaders.ts";
import type { Millis, WallMillis } from "../../core/machine.ts";
import type { Member } from "../../core/membership/contract.ts";
import type { StoredEntry } from "../../core/replication/entry.ts";
import type { Life } from "./life.ts";
import type { ResolvedNode } from "./node_options.ts";

/** What every wall clock shows when a simulation begins, skew aside. */
export const EPOCH_MS: WallMillis = 1_760_000_000_000;

const decoder = new TextDecoder();

/** See the module. Read what you like; change it through the simulation. */
export class SimNode {
  /** Its number in the simulation. */
  readonly index: number;
  /** Number of the host it runs on. */
  readonly host: number;
  /** What it is made of. */
  readonly options: ResolvedNode;
  /** How much faster its wall clock runs, in parts per million. */
  readonly driftPpm: number;
  /** How far its wall clock was set off. */
  skewMs: Millis;
  /** The process; `undefined` while it is down. */
  life: Life | undefined;
  /** How many lives it has had. */
  lives = 0;
  /** When its last life ended; `undefined` before. */
  endedAt: Millis | undefined;

  /** Not yet running. */
  constructor(
    index: number,
    host: number,
    options: ResolvedNode,
    skewMs: Millis,
    driftPpm: number,
  ) {
    this.index = index;
    this.host = host;
    this.options = options;
    this.skewMs = skewMs;
    this.driftPpm = driftPpm;
  }

  /** The memberlist name. */
  get name(): string {
    return this.options.name;
  }

  /** The node id. */
  get nodeId(): string {
    return this.options.nodeId;
  }

  /** Nodes of one group can hear one another: same label, same keys. */
  get group(): string {
    const { label, keys } = this.options;
    return `${label}|${keys.map((key) => key.join(".")).join(",")}`;
  }

  /** A process runs, leaving or not. */
  get isUp(): boolean {
    return this.life !== undefined;
  }

  /** A process runs that means to stay. */
  get isMember(): boolean {
    return this.life !== undefined && !this.life.leaving;
  }

  /** Whom it knows; nobody while it is down. */
  members(): readonly Member[] {
    return this.life?.gossip.machine.members() ?? [];
  }

  /** The names of members it holds to be alive or suspect, sorted. */
  live(): string[] {
    return this.members()
      .filter(({ state }) => state === "alive" || state === "suspect")
      .map(({ name }) => name)
      .sort();
  }

  /** Who leads, as it sees it. */
  get leaders(): Leaders | undefined {
    return this.life?.leaders;
  }

  /** Every entry it holds, tombstones included. */
  *entries(): Generator<StoredEntry> {
    const store = this.life?.links?.machine.store;
    if (store === undefined) return;
    for (const type of store.types()) for (const { entry } of store.slots(type)) yield entry;
  }

  /** The JSON value it holds of an entity; `undefined` when it holds none. */
  get(type: string, key: string): unknown {
    const links = this.life?.links;
    const entry = links?.machine.get(type, key);
    const value = entry === undefined ? undefined : links?.codec.valueOf(entry.bytes);
    return value === undefined ? undefined : JSON.parse(decoder.decode(value));
  }

  /** What its wall clock shows at `now`. */
  wall(now: Millis): WallMillis {
    return EPOCH_MS + now + this.skewMs + now * (this.driftPpm / 1_000_000);
  }
}
