/**
 * The node as its owner sees it.
 *
 * @module
 */

import type { ResolvedConfig } from "../config/resolved.ts";
import type { LeaderChange, Leaders } from "../core/coordination/leaders.ts";
import type { Address, Millis, WallMillis } from "../core/machine.ts";
import type {
  MembershipCounters,
  MemberState,
  SuspicionEvidence,
} from "../core/membership/contract.ts";
import type { ReplicationView } from "../core/replication/contract.ts";
import type { DiscoveryChange, DiscoveryReport } from "./discovery_report.ts";
import type { DoctorReport } from "./doctor.ts";
import type { Entities, EntityChange } from "./entities.ts";
import type { KeyValues } from "./kv.ts";
import type { ClusterGovernance } from "./limits/cluster_governance.ts";
import type { ClusterLimits, LimitEvent, LimitsView } from "./limits/cluster_limits.ts";
import type { PersistenceView } from "./persistence.ts";
import type { StandardSchema } from "./standard_schema.ts";

/** A member as people and gateways see it: gossip, metadata and health together. */
export interface ClusterMember {
  /** The memberlist node name, `<node_id>-<gossip port>` for our own kind. */
  readonly name: string;
  /** What people call it; the memberlist name for a foreign member. */
  readonly nodeId: string;
  /** Differs after every restart; empty for a foreign member. */
  readonly bootId: string;
  /** Gossip address. */
  readonly address: Address;
  /** RPC address; `undefined` for a foreign member. */
  readonly rpc: Address | undefined;
  /** A free label, `unknown` when it has none. */
  readonly region: string;
  /** What it says it can do, such as `ack:v1`. */
  readonly capabilities: readonly string[];
  /** The peer's package version. */
  readonly version: string;
  /** When it started, by its own wall clock. */
  readonly startedMs: WallMillis;
  /** As gossip sees it. */
  readonly state: MemberState;
  /** How often it had to speak up for itself or change what it tells, plus one. */
  readonly incarnation: number;
  /** A member without our metadata: gossiped with, never leader, owner or sync source. */
  readonly foreign: boolean;
  /** Whether it is this node. */
  readonly self: boolean;
  /** The verdict of the checks on both planes. */
  readonly healthy: boolean;
  /** Why it is not healthy. */
  readonly reason?: string;
  /** Smoothed round-trip time of gossip probes. */
  readonly rttMs?: Millis;
  /** Who suspects it, since when, who agrees. */
  readonly evidence?: SuspicionEvidence;
}

/** Readiness in one word and one sentence. */
export interface Readiness {
  /** Whether traffic should come here. */
  readonly ready: boolean;
  /** For people: what it waits for, or why it is ready. */
  readonly reason: string;
}

/** Everything status pages, metrics and tests read; a snapshot. Holds no secret. */
export interface NodeStatus {
  /** What people call this node. */
  readonly nodeId: string;
  /** Its memberlist name. */
  readonly memberName: string;
  /** Differs after every restart. */
  readonly bootId: string;
  /** A free label, `unknown` when it has none. */
  readonly region: string;
  /** Runtime and version. */
  readonly runtime: string;
  /** The package's version. */
  readonly version: string;
  /** What gossip advertises; absent on a node that talks to nobody. */
  readonly gossip: Address | undefined;
  /** Where RPC listens. */
  readonly rpc: Address | undefined;
  /** When it started, by its own wall clock. */
  readonly startedMs: WallMillis;
  /** Whether traffic should come here, and why. */
  readonly readiness: Readiness;
  /** The node is leaving or has left. */
  readonly draining: boolean;
  /** Our own health score: 0 is well. */
  readonly healthScore: number;
  /** Gossip is encrypted. */
  readonly encrypted: boolean;
  /** Counters of gossip; absent on a node that talks to nobody. */
  readonly membership: MembershipCounters | undefined;
  /** Links, store and counters of replication. */
  readonly replication: ReplicationView;
  /** Entities held by type. */
  readonly entities: Readonly<Record<string, number>>;
  /** RPC callers turned away. */
  readonly rpcRefused: number;
  /** How every way to find peers is doing, the configured ones first; empty on a node that talks to nobody. */
  readonly discovery: readonly DiscoveryReport[];
  /** The storage and what it still has to take; absent without one. */
  readonly storage: (PersistenceView & { readonly storage: string }) | undefined;
  /** Shared limits. */
  readonly limits: LimitsView;
}

/** What happens to the cluster, in the order this node saw it. */
export type NodeEvent =
  | {
    readonly type: "joined" | "updated" | "suspected" | "cleared" | "gone";
    readonly member: ClusterMember;
  }
  | { readonly type: "reaped"; readonly name: string; readonly address: Address }
  | { readonly type: "leader"; readonly change: LeaderChange; readonly leaders: Leaders }
  | {
    readonly type: "health";
    readonly healthy: boolean;
    readonly members: number;
    readonly healthyMembers: number;
  }
  | { readonly type: "readiness"; readonly readiness: Readiness }
  | {
    readonly type: "discovery";
    readonly source: string;
    readonly change: DiscoveryChange;
    readonly report: DiscoveryReport;
  }
  | { readonly type: "user"; readonly from: Address; readonly payload: Uint8Array }
  | { readonly type: "entity"; readonly change: EntityChange }
  | { readonly type: "limit"; readonly event: LimitEvent };

/** Gossip keys at run time. Rotation: add everywhere, use everywhere, remove everywhere. */
export interface NodeKeys {
  /** Installs a key of 16, 24 or 32 bytes; harmless when it is there. */
  add(key: Uint8Array): Promise<void>;
  /** Makes an installed key the primary one; throws `RangeError` when it is not installed. */
  use(key: Uint8Array): Promise<void>;
  /** Removes a key; throws `RangeError` for the primary one. */
  remove(key: Uint8Array): Promise<void>;
  /** How many are installed. */
  readonly size: number;
}

/** A running member of the cluster. Disposal leaves politely, then closes everything. */
export interface ClusterNode extends AsyncDisposable {
  /** What people call this node. */
  readonly nodeId: string;
  /** Members not reaped, ourselves included, sorted by name. */
  members(): readonly ClusterMember[];
  /** Leaders as this node computes them. */
  leaders(): Leaders;
  /** Whether this node has what it needs to serve. */
  readiness(): Readiness;
  /** A snapshot for people and machines. */
  status(): NodeStatus;
  /** What this node was built from, defaults included. Holds secrets: never print it whole. */
  readonly config: ResolvedConfig;
  /**
   * Replicated entities of a type, read locally and written everywhere; `schema` (any Standard Schema validator) checks
   * what is written here and gives the type.
   */
  entities<T = unknown>(type: string, schema?: StandardSchema<T>): Entities<T>;
  /** Replicated keys and values of the type `kv_store`, with expiry and compare-and-set. */
  readonly kv: KeyValues;
  /** Limits that hold for the whole fleet. */
  readonly limits: ClusterLimits;
  /** Budgets and rate limits of virtual keys, teams and customers, charged together. */
  readonly governance: ClusterGovernance;
  /** Gossip keys. */
  readonly keys: NodeKeys;
  /** Calls `listener` for every event until the returned function is called. A throwing listener is logged. */
  subscribe(listener: (event: NodeEvent) => void): () => void;
  /**
   * Examines every port of every candidate and member in both directions, labels, keys, clocks and discovery; takes a few
   * seconds and changes nothing. Rejects with `closed` on a node that talks to nobody.
   */
  doctor(): Promise<DoctorReport>;
  /** Joins through gossip addresses or host names; answers how many could be joined, rejects `join-failed` for none. */
  join(addresses: readonly string[]): Promise<number>;
  /** Sends application bytes to one member by node id: a packet, or a stream when `reliable`. */
  send(
    nodeId: string,
    payload: Uint8Array,
    options?: { readonly reliable?: boolean },
  ): Promise<void>;
  /** Queues application bytes for gossip to everybody (one hop, best effort); rejects `too-large` for over a packet. */
  broadcast(payload: Uint8Array): Promise<void>;
  /** Readiness off, links flushed, leave gossiped. Idempotent; the node is still to be disposed of. */
  leave(): Promise<void>;
  /** Closes everything without a word, as a crash would; peers find out by probing. */
  close(): Promise<void>;
}
