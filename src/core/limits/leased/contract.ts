/**
 * What the parts of the `leased` strength have in common: who votes, who holds what, for which window.
 *
 * A right to admit is granted by the root of the limit's shard, written down by a quorum of named voters before it can
 * be used, and spent by its holder without asking anybody. {@linkcode Voter}, {@linkcode Root} and {@linkcode Holder}
 * are the three roles; every node plays all of them. Amounts are micro-units, whole numbers.
 *
 * @module
 */

import type { Version } from "../../hlc.ts";
import type { Millis, WallMillis } from "../../machine.ts";

export { SHARDS } from "../rendezvous.ts";

/** Longest list of voters. */
export const VOTERS_MAX = 7;

/** A term of office. Two are never equal unless they are the same boot's same attempt. */
export interface Epoch {
  readonly number: number;
  readonly node: string;
  readonly boot: string;
}

/** Somebody who can vote. */
export interface VoterName {
  /** Id of the boot, or of the store when the node has storage: whoever forgets is another voter. */
  readonly id: string;
  /** Where it runs. */
  readonly node: string;
}

/**
 * Who votes, stamped by the root that made the list: a later epoch beats an earlier one, then the number. With `before`
 * it is a change under way: every promise and every store needs a majority of both.
 */
export interface VoterList {
  readonly epoch: Epoch;
  readonly number: number;
  readonly voters: readonly VoterName[];
  readonly before?: readonly VoterName[];
}

/** What one holder's boot was given in one window. All three only grow; copies merge by maximum. */
export interface Row {
  /** Raised by the root, and by the holder when it gives back what it never received. */
  readonly granted: number;
  /** Raised by the holder alone, after it lowered its own right. */
  readonly returned: number;
  /** Raised by the holder alone: the most it had used. Above `granted - returned` it is debt. */
  readonly spent: number;
}

/** A row and whose it is. */
export interface HolderRow extends Row {
  /** Boot id of the holder. */
  readonly holder: string;
}

/** One window of a limit. `order` grows from window to window and follows from the window's id, never from a clock. */
export interface LeaseWindow {
  readonly order: number;
  readonly startMs: WallMillis;
  readonly endMs: WallMillis;
}

/** What a definition says of how much there is. */
export interface LimitTerms {
  /** Version of the definition. */
  readonly version: Version;
  readonly cap: number;
}

/** Rows of one window of one limit: all, or those that changed. Without rows it may say only what is closed. */
export interface LedgerSlice extends LimitTerms {
  /** Key of the limit: see {@linkcode LeasedLimitFacts.key}. */
  readonly limit: string;
  readonly window: LeaseWindow;
  /** How many windows count together, this one included: 1, or the ring of a rolling limit. */
  readonly span: number;
  /** Windows up to this one count no more and are refused; absent: none is known to. */
  readonly closed?: number;
  readonly rows: readonly HolderRow[];
}

/** A limit, as the root and the holder must know it. */
export interface LeasedLimitFacts extends LimitTerms {
  /** Id, creation stamp and kind of window: whatever makes it another counter is part of it. */
  readonly key: string;
  /** See {@linkcode LedgerSlice.span}. */
  readonly span: number;
  /** What a holder does when no root answers and its right is used up. @default {"deny"} */
  readonly whenIsolated?: "share" | "limit" | "deny";
  /** The window that holds an instant of cluster time; `undefined` when the calendar can't say. Pure. */
  windowAt(wallMs: WallMillis): LeaseWindow | undefined;
}

/** A node as the membership sees it now. */
export interface LeasedMember {
  readonly node: string;
  readonly boot: string;
  /** How it votes: {@linkcode VoterName.id}. */
  readonly voter: string;
  /** `leaving` members still answer; `left` ones said goodbye. Suspects are alive. */
  readonly state: "alive" | "leaving" | "left" | "dead";
}

/** Timings and sizes. */
export interface LeasedConfig {
  /** How long a right lasts without renewal. @default {10_000} */
  readonly ttlMs: Millis;
  /** Until a message without answer is sent again. @default {250} */
  readonly retryMs: Millis;
  /** Longest wait before the next attempt at taking office; the wait is random. @default {500} */
  readonly backOffMs: Millis;
  /** How long without an answer until a holder takes the root for unreachable. @default {1_000} */
  readonly patienceMs: Millis;
  /** Limits in one message. @default {256} */
  readonly itemsMax: number;
  /**
   * How many nodes the first list of voters waits for; `undefined`: there will be no first list. Never may twice as
   * many run before they have heard of the list, or two halves could each make one.
   */
  readonly expectedNodes: number | undefined;
}

/** The defaults. */
export const LEASED_DEFAULTS: LeasedConfig = {
  ttlMs: 10_000,
  retryMs: 250,
  backOffMs: 500,
  patienceMs: 1_000,
  itemsMax: 256,
  expectedNodes: undefined,
};

/** Who this node is, in this life. */
export interface LeasedSelf {
  readonly node: string;
  readonly boot: string;
  readonly voter: string;
}
