/**
 * Shared limits as applications use them.
 *
 * @module
 */

import type { Version } from "../../core/hlc.ts";
import type { LimitsCounters, RefusalReason } from "../../core/limits/contract.ts";
import type { LimitDefinition, StrengthName } from "../../core/limits/definition.ts";
import type { Millis, WallMillis } from "../../core/machine.ts";
import type { WriteOutcome } from "../../core/replication/awaited.ts";
import type { AwaitOptions } from "../entities.ts";

/** A limit as its owner writes it; when it was first written is kept by the cluster. */
export type LimitSpec = Omit<LimitDefinition, "created">;

/** A limit that is defined. */
export interface DefinedLimit {
  /** Names it. */
  readonly id: string;
  /** How it is defined. */
  readonly definition: LimitDefinition;
  /** The stamp of its last write. */
  readonly version: Version;
}

/** One limit and what a call takes of it. */
export interface LimitItem {
  /** Id of the limit. */
  readonly limit: string;
  /** In units of the limit, six decimals count; 0 asks only whether anything is left. */
  readonly amount: number;
}

/** How to take. */
export interface TakeOptions {
  /** The amounts are estimates: what they really were is told by `settle`. @default {false} */
  readonly reserve?: boolean;
  /** How long a reservation waits for `settle`; then it stands at its estimates. @default {600_000} */
  readonly reserveMs?: Millis;
}

/** How to take, and how long to try. */
export interface ConsumeOptions extends TakeOptions {
  /**
   * How long a decision may take where this node has to ask others first: a leased limit of which it holds too little,
   * an approximate one whose peers have to hear of something. A limit that is used up is answered at once. @default {1_000}
   */
  readonly timeoutMs?: Millis;
}

/** A decision, as quick as it can be had. */
export interface LimitVerdict {
  /** Whether all items were taken; otherwise none was. */
  readonly admitted: boolean;
  /** When to try again; absent when admitted, or when waiting does not help. */
  readonly retryAfterMs?: Millis;
  /** Names the reservation. */
  readonly reservation?: string;
  /** The first limit that refused. */
  readonly limit?: string;
  /** Why it did. */
  readonly reason?: RefusalReason;
  /** How many limits in shadow mode would have refused; absent: none. */
  readonly shadowed?: number;
}

/** One limit after a decision, as far as this node knows. */
export interface LimitStanding {
  /** Id of the limit. */
  readonly limit: string;
  /** What is left of it; never below 0. */
  readonly remaining: number;
  /** When its window ends; of rolling limits, when all is free if nothing more comes. */
  readonly resetAt: WallMillis;
  /** How old the oldest knowledge of a living peer is; `Infinity`: one was never in touch. */
  readonly stalenessMs: Millis;
}

/** A decision with what is left. */
export interface ConsumeOutcome extends LimitVerdict {
  /** One for each item, in their order; unknown limits are left out. */
  readonly items: readonly LimitStanding[];
}

/** One limit as this node sees it; amounts in units. */
export interface LimitReading extends LimitStanding {
  /** Id of the present window. */
  readonly window: string;
  /** The cap. */
  readonly of: number;
  /** What is counted. */
  readonly unit: string;
  /** Who has to agree. */
  readonly strength: StrengthName;
  /** What all members used, as far as known here. Above `of` there is debt. */
  readonly used: number;
  /** What others may have used beyond `used` at most, unknown here. */
  readonly unseenMax: number;
  /** Whether at most half of the members are alive, so that `whenIsolated` applies. */
  readonly isolated: boolean;
  /** Whether it decides and counts, but admits anyway. */
  readonly shadow: boolean;
}

/** What became of a reservation: its amounts stand, or there is none of that name here (any more). */
export type SettleOutcome = "settled" | "unknown";

/** News of one limit; `near` and `debt` at most once per window on each node. Amounts in units. */
export type LimitEvent =
  /** Use came near the limit, or went beyond it: settled costs above their estimates, or a lower cap. */
  | {
    readonly type: "near" | "debt";
    readonly limit: string;
    readonly window: string;
    readonly used: number;
    readonly of: number;
  }
  /** A definition can't be used here; decisions about it are refused until it is changed. */
  | { readonly type: "refusedDefinition"; readonly limit: string; readonly problem: string };

/** A look inside, for status pages. */
export interface LimitsView {
  /** Limits that this node can use. */
  readonly limits: number;
  /** Definitions that it can't use. */
  readonly refusedDefinitions: number;
  /** Decisions and cells. */
  readonly counters: Readonly<LimitsCounters>;
  /** Messages about limits that did not decode, or were too large to send. */
  readonly messagesLost: number;
  /** Cells that could not be written. */
  readonly cellsLost: number;
  /** Whether this node takes part in leased limits. */
  readonly leasing: boolean;
}

/**
 * Limits that hold for the whole fleet. Definitions are entities of the type `limit`: whoever changes one changes it on
 * all nodes, and no count is lost. Decisions are made here, from memory.
 */
export interface ClusterLimits {
  /**
   * Defines a limit, or changes it: its counts go on unless `window`, `rolling`, `calendar` or `zone` change. Throws
   * `ClusterError` `bad-data` with one sentence for what can't work, `bad-config` for a leased limit without
   * `cluster_config.expected_nodes`, and what `Entities.set` throws; nothing is changed then.
   */
  define(id: string, spec: LimitSpec): Version;
  /** Defines and waits for others, as `Entities.set` does. Rejects with what the other form throws. */
  define(id: string, spec: LimitSpec, options: AwaitOptions): Promise<WriteOutcome>;
  /** A limit as it is defined; `undefined` when there is none. */
  get(id: string): DefinedLimit | undefined;
  /** All limits, by id. */
  list(): readonly DefinedLimit[];
  /** Deletes a limit; harmless when there is none. */
  delete(id: string): Version;
  /** Deletes and waits for others. */
  delete(id: string, options: AwaitOptions): Promise<WriteOutcome>;
  /**
   * Takes of all items or of none, from what this node may decide by itself and at once. Throws `RangeError`, and takes
   * nothing, for amounts and times that are none.
   */
  tryConsume(items: readonly LimitItem[], options?: TakeOptions): LimitVerdict;
  /** Takes of all items or of none, and tells what is left. Rejects as `tryConsume` throws. */
  consume(items: readonly LimitItem[], options?: ConsumeOptions): Promise<ConsumeOutcome>;
  /**
   * Says what a reservation really took; limits that are not named stand at their estimates. More than was reserved may
   * make a debt. Rejects with `RangeError`, and leaves the reservation open, for amounts that are none and limits that
   * are not in it.
   */
  settle(reservation: string, items?: readonly LimitItem[]): Promise<SettleOutcome>;
  /** Gives back all that a reservation took. */
  refund(reservation: string): Promise<SettleOutcome>;
  /** One limit as seen from here; `undefined` when there is none that can be used. */
  read(id: string): LimitReading | undefined;
  /** Calls `listener` for every event until the returned function is called. A throwing listener is logged. */
  subscribe(listener: (event: LimitEvent) => void): () => void;
  /** A look inside. */
  view(): LimitsView;
}
