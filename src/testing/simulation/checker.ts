/**
 * What checkers see and say.
 *
 * @module
 */

import type { Millis } from "../../core/machine.ts";
import type { MembershipEvent } from "../../core/membership/contract.ts";
import type { ReplicationEvent } from "../../core/replication/contract.ts";
import type { SimNode } from "./sim_node.ts";

/** A broken invariant. */
export interface Violation {
  /** Its name. */
  readonly invariant: string;
  /** When it was seen, in virtual time. */
  readonly atMs: Millis;
  /** Who broke it: a node id, or `undefined` when it was the cluster. */
  readonly node: string | undefined;
  /** What was seen, for people. */
  readonly detail: string;
}

/** The simulation, as checkers see it. */
export interface World {
  /** The virtual instant. */
  readonly now: Millis;
  /** All nodes, running or not. */
  readonly nodes: readonly SimNode[];
  /** Since when nothing disturbs the cluster; `Infinity` while something does. */
  readonly calmSince: Millis;
  /** When somebody wrote last. */
  readonly lastWriteAt: Millis;
  /** Goes up whenever a membership, a leader or a store changed anywhere. */
  readonly changes: number;
  /** How long things may take. */
  readonly bounds: CheckBounds;
  /** Notes a violation. */
  report(invariant: string, node: SimNode | undefined, detail: string): void;
}

/** How long things may take once nothing disturbs the cluster; by default longer the more nodes there are. */
export interface CheckBounds {
  /** Until all members see one another, and nobody else. */
  readonly membershipMs: Millis;
  /** Until all stores are equal; counted from the last write or disturbance. */
  readonly replicationMs: Millis;
  /** Until a member that is gone is forgotten. */
  readonly forgetMs: Millis;
}

/** Watches some invariants. Every hook is called after the step that changed what it is about. */
export interface Checker {
  /** The names of what it watches. */
  readonly invariants: readonly string[];
  /** A process began. */
  started?(node: SimNode): void;
  /** A process ended; `node.life` is gone. */
  ended?(node: SimNode): void;
  /** A node's membership changed. */
  membership?(node: SimNode, event: MembershipEvent): void;
  /** A node's store or links changed. */
  replication?(node: SimNode, event: ReplicationEvent): void;
  /** A node computed its leaders. */
  leaders?(node: SimNode): void;
  /** Time has passed. */
  look?(): void;
}

/** Makes a checker for a world. */
export type CheckerFactory = (world: World) => Checker;
