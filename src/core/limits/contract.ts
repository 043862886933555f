/**
 * What goes into the limits machine and what comes out of it.
 *
 * Decisions are calls ({@linkcode Limits.consume}) that answer at once; everything else is inputs and effects. Counts
 * travel as entries that the replication machine carries: this machine says which cell holds which bytes, the driver
 * writes them as entities of type {@linkcode CELL_TYPE} and hands in the cells of others.
 *
 * Time: `now` is monotonic, `wallMs` is cluster time. It comes in with every decision and with `wall`; in between it is
 * taken to run with the monotonic clock. The machine never lets it go back.
 *
 * All amounts are micro-units (see `amounts.ts`).
 *
 * @module
 */

import type { Millis, Tick, WallMillis } from "../machine.ts";

/** Entity type of the cells. */
export const CELL_TYPE = "_cell";

/** Entity type of the definitions. */
export const LIMIT_TYPE = "limit";

/** One life of a node. */
export interface WriterId {
  /** Node id. */
  readonly node: string;
  /** Boot id. */
  readonly boot: string;
}

/** What the world tells the limits machine. */
export type LimitsInput =
  | Tick
  /** What cluster time shows now; every second or so, for what happens between decisions. */
  | { readonly type: "wall"; readonly wallMs: WallMillis }
  /** A `limit` entity is this now, parsed from JSON; `undefined` when it was deleted. */
  | { readonly type: "definition"; readonly id: string; readonly value: unknown }
  /** A cell of another writer came or was replayed. Order and repeats don't matter. */
  | { readonly type: "cell"; readonly key: string; readonly bytes: Uint8Array }
  /**
   * Who there is, whenever it changes, ourselves included: `members` have not left, dead or cut off as they may be;
   * `alive` of them are alive and through with their first sync. A boot that was replaced by a newer one of its node is
   * no member any more. A crashed member that nobody replaces stays one as long as the driver thinks it may come back:
   * whether this node is isolated depends on it.
   */
  | {
    readonly type: "members";
    readonly members: readonly WriterId[];
    readonly alive: readonly WriterId[];
  }
  /**
   * Our first sync is done: the cells of others are here. Until then everything is refused, whatever limits say of
   * isolation: nobody may know yet that we are a member.
   */
  | { readonly type: "ready" }
  /**
   * Every acknowledger of ours has the cell as our word `word` left it, or newer. Who must acknowledge is kept by
   * {@linkcode Acknowledgers}; with none it is told at once.
   */
  | { readonly type: "settled"; readonly key: string; readonly word: number }
  /**
   * A peer counted us among its acknowledgers at `sinceMs` of our monotonic clock or later: it goes on to until
   * `dropMs` after that, and meanwhile tells us before it takes much. See {@linkcode Acknowledgers}.
   */
  | { readonly type: "inTouch"; readonly peer: WriterId; readonly sinceMs: Millis }
  /** This node leaves: open reservations settle at their estimate and nothing is admitted any more. */
  | { readonly type: "leave" };

/** What the limits machine asks of the world, in order. */
export type LimitsEffect =
  /**
   * Write this cell; it may be forgotten after `expiresMs` of cluster time. `word` is what `settled` says later. A
   * newer one of the same key replaces it, sent or not.
   */
  | {
    readonly type: "writeCell";
    readonly key: string;
    readonly word: number;
    readonly bytes: Uint8Array;
    readonly expiresMs: WallMillis;
  }
  /** Hand in, as `cell` inputs, every stored cell whose key begins with this. */
  | { readonly type: "replayCells"; readonly prefix: string }
  | { readonly type: "event"; readonly event: LimitsEvent };

/** Facts for applications, the log and the status page; each at most once per limit and window. */
export type LimitsEvent =
  /** Use reached the near ratio, as far as this node knows. */
  | {
    readonly type: "near";
    readonly limit: string;
    readonly window: string;
    readonly used: number;
    readonly of: number;
  }
  /** More was used than the limit: settled costs were above their estimates, or the limit was lowered. */
  | {
    readonly type: "debt";
    readonly limit: string;
    readonly window: string;
    readonly used: number;
    readonly of: number;
  }
  /** A definition can't be used; decisions about it are refused until it is changed. */
  | { readonly type: "refusedDefinition"; readonly limit: string; readonly problem: string };

/** One limit and what a call takes of it. */
export interface ConsumeItem {
  /** Id of the limit. */
  readonly limit: string;
  /** Micro-units; 0 asks only whether anything is left. */
  readonly amount: number;
}

/** Why an amount was not taken. */
export type RefusalReason =
  /** There is no such limit here, or its definition can't be used. */
  | "unknown-limit"
  /** Not enough is left. */
  | "limit"
  /** Nearly all is used and this node's share of the rest is. */
  | "share"
  /** What this node may take by itself is used up; more is being asked for. */
  | "asking"
  /** The peers must first hear of what this node took already, or of how much one call takes. */
  | "unheard"
  /** This node hears of at most half of the members, and the limit says what then. */
  | "isolated"
  /** This node does not know yet what was used before it came. */
  | "not-ready"
  /** This node is leaving. */
  | "leaving"
  /** Too many reservations are open. */
  | "reservations";

/** The outcome of one call. The machine reuses the object: read it before the next call. */
export interface Decision {
  /** Whether all items were taken; otherwise none was. */
  readonly admitted: boolean;
  /** Names the reservation for `settle` and `refund`; 0 when none was asked for or nothing was taken. */
  readonly reservation: number;
  /** When to try again; 0 when admitted or when waiting does not help. Never beyond the end of the window. */
  readonly retryAfterMs: Millis;
  /** Index of the first item that was refused; -1 when none was. */
  readonly refused: number;
  /** Why it was; `undefined` when none was. */
  readonly reason: RefusalReason | undefined;
  /** How many limits in shadow mode would have refused. */
  readonly shadowed: number;
}

/** What became of a reservation. */
export type SettleResult =
  /** The amounts stand. */
  | "settled"
  /** There is no such open reservation: it was settled before, or stands at its estimate since its timeout. */
  | "unknown";

/** One limit as this node sees it. */
export interface LimitView {
  /** Key of the `limit` entity. */
  readonly id: string;
  /** Id of the window. */
  readonly window: string;
  /** The cap. */
  readonly limit: number;
  /** What is counted. */
  readonly unit: string;
  /** What all members used, as far as known here. Above `limit` there is debt. */
  readonly used: number;
  /** What is left of the limit, as far as known here; never below 0. */
  readonly remaining: number;
  /** When the window ends; for rolling limits, when all would be free if nothing more came. */
  readonly resetMs: WallMillis;
  /** How old the oldest knowledge of a living peer is; `Infinity` when one was never in touch. */
  readonly stalenessMs: Millis;
  /** What others may have used beyond `used` at most, unknown here. */
  readonly unseenMax: number;
  /** Whether `whenIsolated` applies now. */
  readonly isolated: boolean;
  /** Whether it decides and counts, but admits anyway. */
  readonly shadow: boolean;
}

/** Counted since start. */
export interface LimitsCounters {
  /** Calls that took what they asked for. */
  admitted: number;
  /** Calls that took nothing. */
  refused: number;
  /** Refusals of limits in shadow mode. */
  shadowed: number;
  /** Reservations that their timeout made final. */
  timedOut: number;
  /** Words about our own cells. */
  cellsWritten: number;
  /** Words of others that were merged, repeats included. */
  cellsTaken: number;
  /** Cells of limits or windows that are not counted here now, and our own. */
  cellsIgnored: number;
  /** Cells whose key or bytes say nothing. */
  cellsMalformed: number;
}
