/**
 * What goes into the owner machine and what comes out of it. See `machine.ts` for how to wire it.
 *
 * Amounts are micro-units, whole numbers. Time: `now` is monotonic, `wallMs` is cluster time.
 *
 * @module
 */

import type { Millis, Tick, WallMillis } from "../../machine.ts";
import type { Calendar } from "../calendar.ts";
import type { LimitsEvent, RefusalReason, WriterId } from "../contract.ts";
import type { ResolvedLimit } from "../definition.ts";
import type { OwnerMessage } from "./messages.ts";

/** A node as the membership sees it now. */
export interface OwnerMember extends WriterId {
  /**
   * `ready`: alive and through with its first sync, may own. `joining`: alive, owns nothing yet. `leaving`: still
   * answers, owns nothing any more. Suspects are alive.
   */
  readonly state: "ready" | "joining" | "leaving" | "left" | "dead";
}

/** Timings and bounds. */
export interface OwnerConfig {
  /** Longest wait for more requests to the same peer. @default {0.5} */
  readonly batchMs: Millis;
  /** Most requests in one message. @default {64} */
  readonly batchMax: number;
  /** Until a message without answer is sent again. @default {100} */
  readonly retryMs: Millis;
  /** How long a call waits for the owner before the limit's `whenIsolated` decides. @default {1000} */
  readonly giveUpMs: Millis;
  /** How long a cancel or a correction is tried. @default {10000} */
  readonly correctMs: Millis;
  /** How long an answer is remembered for repeats. Longer than `correctMs`. @default {30000} */
  readonly recordsMs: Millis;
  /** A changed cell is written at once after a pause of this length, otherwise this long after the last. @default {20} */
  readonly flushMs: Millis;
  /** How long cells of ended windows are kept. @default {60000} */
  readonly horizonMs: Millis;
  /** How long a node that loses an office it should hold waits before it takes it again. @default {1000} */
  readonly takeBackMs: Millis;
  /** How long a new owner waits for a holder that it was told of but does not see. @default {5000} */
  readonly strangerMs: Millis;
  /** Most charges that wait for an answer. @default {10000} */
  readonly openMax: number;
  /** Most answers remembered per caller. @default {20000} */
  readonly recordsMax: number;
  /** Most cells kept for others. @default {500000} */
  readonly cellsMax: number;
  /** Most open reservations. @default {100000} */
  readonly reservationsMax: number;
}

/** The defaults. */
export const OWNER_DEFAULTS: OwnerConfig = {
  batchMs: 0.5,
  batchMax: 64,
  retryMs: 100,
  giveUpMs: 1_000,
  correctMs: 10_000,
  recordsMs: 30_000,
  flushMs: 20,
  horizonMs: 60_000,
  takeBackMs: 1_000,
  strangerMs: 5_000,
  openMax: 10_000,
  recordsMax: 20_000,
  cellsMax: 500_000,
  reservationsMax: 100_000,
};

/** How a node is made. */
export interface OwnerOptions {
  /** Who this node is, in this life. */
  readonly self: WriterId;
  /** Knows time zones. */
  readonly calendar: Calendar;
  readonly config?: Partial<OwnerConfig>;
}

/** What the world tells the owner machine. */
export type OwnerInput =
  | Tick
  /** What cluster time shows now; every second or so. In between it is taken to run with the monotonic clock. */
  | { readonly type: "wall"; readonly wallMs: WallMillis }
  /** Everybody, ourselves included, whenever it changes; the dead and those who left as long as they are remembered. */
  | { readonly type: "members"; readonly members: readonly OwnerMember[] }
  /** A limit of this strength is this now. */
  | { readonly type: "limit"; readonly limit: ResolvedLimit }
  | { readonly type: "noLimit"; readonly id: string }
  /** A cell of another writer came or was replayed. Order and repeats don't matter. */
  | { readonly type: "cell"; readonly key: string; readonly bytes: Uint8Array }
  /** All stored cells that a `replayCells` asked for were handed in. */
  | { readonly type: "replayed"; readonly prefix: string }
  /** `from` is the node id that the link vouches for. */
  | { readonly type: "message"; readonly from: string; readonly message: OwnerMessage }
  /** This node leaves: it admits nothing any more and hands its offices on. */
  | { readonly type: "leave" };

/** What the owner machine asks of the world, in order. */
export type OwnerEffect =
  | { readonly type: "send"; readonly to: string; readonly message: OwnerMessage }
  /** Write this cell, as the limits machine asks for its own; see {@linkcode LimitsEffect}. */
  | {
    readonly type: "writeCell";
    readonly key: string;
    readonly word: number;
    readonly bytes: Uint8Array;
    readonly expiresMs: WallMillis;
  }
  /** Hand in, as `cell` inputs, every stored cell whose key begins with this; then `replayed`. Charges wait for it. */
  | { readonly type: "replayCells"; readonly prefix: string }
  /** A call is decided; each is told once. */
  | { readonly type: "decided"; readonly call: number; readonly decision: OwnerDecision }
  | { readonly type: "event"; readonly event: LimitsEvent };

/** Why a call was refused: as for other limits, or `busy`: too many calls wait for an answer. */
export type OwnerRefusal = RefusalReason | "busy";

/** What is known of one item of a call. */
export interface OwnerItemView {
  readonly limit: string;
  /** What is left of the limit, as the owner said; 0 when it did not. */
  readonly remaining: number;
  /** When the window ends; for rolling limits, when all would be free if nothing more came; 0 when nobody said. */
  readonly resetMs: WallMillis;
  /** Key of the cell in which it was counted; empty when it was not taken. */
  readonly cell: string;
  /** Sub-window of that cell; 0 unless the limit is rolling. */
  readonly index: number;
}

/** The outcome of one call. */
export interface OwnerDecision {
  /** Whether all items were taken; otherwise none is in the end. */
  readonly admitted: boolean;
  /** Names the reservation for `settle` and `refund`; 0 when none was asked for or nothing was taken. */
  readonly reservation: number;
  /** When to try again; 0 when admitted or when waiting does not help. */
  readonly retryAfterMs: Millis;
  /** Index of the first item that was refused; -1 when none was. */
  readonly refused: number;
  readonly reason: OwnerRefusal | undefined;
  /** How many limits in shadow mode would have refused. */
  readonly shadowed: number;
  readonly items: readonly OwnerItemView[];
}

/** Counted since start. */
export interface OwnerCounters {
  /** Calls that took what they asked for. */
  admitted: number;
  /** Calls that took nothing. */
  refused: number;
  /** Charges that no owner answered in time. */
  givenUp: number;
  /** Charges answered from memory. */
  repeats: number;
  /** Reservations that their timeout made final. */
  timedOut: number;
  /** Offices taken. */
  offices: number;
  /** Cells for which there was no room. */
  cellsRefused: number;
  /** Cells whose key or bytes say nothing. */
  cellsMalformed: number;
  /** Cancels and corrections that nobody confirmed in time: their charge stands. */
  correctionsLost: number;
}
