/**
 * One life of a simulated node, from its start to its end: what `driver/node.ts` is to a real one.
 *
 * @module
 */

import { computeLeaders, type Leaders } from "../../core/coordination/leaders.ts";
import type { Address, Millis, WallMillis } from "../../core/machine.ts";
import type { MembershipEvent } from "../../core/membership/contract.ts";
import type { ReplicationEvent } from "../../core/replication/contract.ts";
import { Rng } from "../../core/rng.ts";
import { type KnownMember, MetaCache, rpcAddressOf } from "../../driver/member_view.ts";
import { encodeNodeMeta } from "../../driver/node_meta.ts";
import { candidates, Peers } from "../../driver/peers.ts";
import { GossipSide } from "./gossip_side.ts";
import { LinkSide } from "./link_side.ts";
import type { Network, NetworkHost } from "./network.ts";
import type { PipeEnd } from "./pipe.ts";
import type { ResolvedNode } from "./node_options.ts";

/** What a node of this version can do, as a real one says. */
const CAPABILITIES: readonly string[] = ["ack:v1"];

const WALL_EVERY_MS = 1_000;
const FLUSH_TIMEOUT_MS = 5_000;
const FLUSH_POLL_MS = 20;
const LEAVE_TIMEOUT_MS = 5_000;

/** What a life hears of the world and tells it. */
export interface LifeParts {
  readonly network: Network;
  readonly host: number;
  readonly node: ResolvedNode;
  readonly boot: string;
  readonly seed: number;
  readonly wall: () => WallMillis;
  readonly isDrifting: boolean;
  readonly onMembership: (event: MembershipEvent) => void;
  readonly onReplication: (event: ReplicationEvent) => void;
  /** Leaders were computed anew. */
  readonly onLeaders: () => void;
  /** The life has come to rest and may want to be woken at another time. */
  readonly onRest: () => void;
}

/** See the module. Nothing happens before `start`. */
export class Life implements NetworkHost {
  readonly boot: string;
  readonly startedAt: Millis;
  readonly gossip: GossipSide;
  /** Absent when the simulation is of membership alone. */
  readonly links: LinkSide | undefined;
  blockedUntil: Millis = 0;
  leaders: Leaders = { cluster: undefined, regions: new Map() };
  /** It has begun to leave. */
  leaving = false;
  readonly #parts: LifeParts;
  readonly #peers: Peers = new Peers();
  readonly #metas: MetaCache = new MetaCache();
  #isStale = false;
  #nextWall: Millis = Infinity;
  #nextFlush: Millis = Infinity;
  #flushUntil: Millis = 0;
  #left: () => void = () => {};

  constructor(parts: LifeParts) {
    this.#parts = parts;
    const { network, host, node, boot, wall, onRest } = parts;
    const rng = new Rng(parts.seed);
    const now = network.timeline.now;
    this.boot = boot;
    this.startedAt = now;
    this.gossip = new GossipSide({
      network,
      host,
      name: node.name,
      address: node.gossipAddress,
      label: node.label,
      keys: node.keys,
      meta: encodeNodeMeta({
        nodeId: node.nodeId,
        bootId: boot,
        rpcHost: "",
        rpcPort: node.rpcPort,
        region: node.region,
        capabilities: CAPABILITIES,
        version: "0.0.0",
        startedMs: wall(),
      }),
      options: node.membership,
      plants: node.plants,
      rng,
      onEvent: (event) => this.#onMembership(event),
      onRest: () => this.#rest(),
    });
    if (node.replication !== false) {
      this.links = new LinkSide({
        network,
        host,
        address: node.rpcAddress,
        options: {
          joinTimeoutMs: node.seeds.length > 0 ? 15_000 : 0,
          ...node.replication,
          nodeId: node.nodeId,
          bootId: boot,
          capabilities: CAPABILITIES,
        },
        plants: node.plants,
        rng,
        wall,
        addressOf: (peer) => this.#addressOf(peer),
        onEvent: parts.onReplication,
        onRest,
      });
      if (parts.isDrifting) this.#nextWall = now + WALL_EVERY_MS;
    }
  }

  /** Begins. */
  start(): void {
    this.gossip.start(this.#parts.node.seeds);
  }

  /** When `tick` is wanted; `Infinity` when never. */
  get deadline(): Millis {
    const links = this.links === undefined ? Infinity : this.links.deadline;
    return Math.min(this.gossip.deadline, links, this.#nextWall, this.#nextFlush);
  }

  /** Does what is due. */
  tick(): void {
    const { now } = this.#parts.network.timeline;
    this.gossip.tick();
    this.links?.tick();
    if (this.#nextWall <= now) this.#tellWall();
    if (this.#nextFlush <= now) this.#flush();
  }

  packet(from: Address, bytes: Uint8Array, queuedMs: Millis): void {
    this.gossip.packet(from, bytes, queuedMs);
  }

  accepted(pipe: PipeEnd): void {
    if (pipe.plane === "gossip") this.gossip.accepted(pipe);
    else if (this.links === undefined) pipe.close();
    else this.links.accepted(pipe);
  }

  /** The wall clock was set: the machine is told at its next look. */
  clockWasSet(): void {
    const at = this.#parts.network.timeline.now + WALL_EVERY_MS;
    this.#nextWall = Math.min(this.#nextWall, at);
    this.#parts.onRest();
  }

  /** Lets peers have what was written here, says farewell, and calls `left`. */
  leave(left: () => void): void {
    if (this.leaving) return;
    this.leaving = true;
    this.#left = left;
    const { now } = this.#parts.network.timeline;
    this.#flushUntil = now + FLUSH_TIMEOUT_MS;
    this.#nextFlush = now;
    this.#parts.onRest();
  }

  /** The process ends; its kernel does the rest. */
  stop(): void {
    this.gossip.stop();
    this.links?.stop();
  }

  /** All members with their metadata. */
  known(): KnownMember[] {
    return this.gossip.machine.members().map((member) => this.#metas.read(member));
  }

  #onMembership(event: MembershipEvent): void {
    switch (event.type) {
      case "joined":
      case "updated":
      case "suspected":
      case "cleared":
      case "gone":
        this.#isStale = true;
    }
    this.#parts.onMembership(event);
  }

  /** A real node refreshes in a microtask after the step, and that is now. */
  #rest(): void {
    if (this.#isStale) {
      this.#isStale = false;
      this.#refresh();
    }
    this.#parts.onRest();
  }

  #refresh(): void {
    const known = this.known();
    const { node, onLeaders } = this.#parts;
    const others = known.filter(({ member }) => member.name !== node.name);
    const { up, down } = this.#peers.refresh(others);
    for (const nodeId of down) this.links?.peerDown(nodeId);
    for (const { meta } of up) this.links?.peerUp(meta.nodeId, meta.bootId, meta.capabilities);
    this.leaders = node.plants.leaders === undefined
      ? computeLeaders(candidates(known))
      : node.plants.leaders([...candidates(known)], node.nodeId);
    onLeaders();
  }

  #addressOf(peer: string): Address | undefined {
    const known = this.#peers.get(peer);
    return known === undefined ? undefined : rpcAddressOf(known);
  }

  #tellWall(): void {
    const { isDrifting, network } = this.#parts;
    this.#nextWall = isDrifting ? network.timeline.now + WALL_EVERY_MS : Infinity;
    this.links?.tellWall();
  }

  #flush(): void {
    const { now } = this.#parts.network.timeline;
    const open = this.links?.machine.view().links.filter(({ state }) => state === "open") ?? [];
    if (
      now < this.#flushUntil && open.some(({ dirty, inFlight }) => dirty > 0 || inFlight > 0)
    ) {
      this.#nextFlush = now + FLUSH_POLL_MS;
      return;
    }
    this.#nextFlush = Infinity;
    this.gossip.run({ type: "leave", timeoutMs: LEAVE_TIMEOUT_MS }, () => this.#depart());
  }

  #depart(): void {
    this.links?.close();
    this.#left();
  }
}
