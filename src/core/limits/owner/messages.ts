/**
 * What callers, owners and their neighbours say to one another. Every message may be lost, doubled, delayed and
 * overtaken: charges and corrections carry numbers by which a repeat is known, all else says absolute numbers. Each
 * names the boot it is for; another boot of that node takes no notice.
 *
 * @module
 */

import type { Millis, WallMillis } from "../../machine.ts";
import type { WriterId } from "../contract.ts";

/** Most cells in one message. */
export const CELLS_PER_MESSAGE = 256;

/** Most charges told of in one message. */
export const RECORDS_PER_MESSAGE = 1_024;

/** Most boots named in a {@linkcode Pulled}. */
export const HOLDERS_PER_MESSAGE = 64;

/** Caller to owner: take of this limit. */
export interface ChargeOp {
  readonly op: "charge";
  /** The same for every attempt, whoever it is sent to; numbers of a boot are never used again. */
  readonly number: number;
  readonly limit: string;
  /** Creation stamp of the limit as the caller knows it. */
  readonly created: string;
  readonly amount: number;
}

/** Caller to owner: the charge of that number is not wanted, whether you have it or not. */
export interface CancelOp {
  readonly op: "cancel";
  readonly number: number;
}

/** Caller to whoever charged: it was more, or less. */
export interface CorrectOp {
  readonly op: "correct";
  /** Of this correction. */
  readonly number: number;
  /** Key of the cell that was charged. */
  readonly cell: string;
  /** Its sub-window. */
  readonly index: number;
  readonly difference: number;
}

/** What a caller asks for. */
export type AskOp = ChargeOp | CancelOp | CorrectOp;

/** Caller to owner. */
export interface OwnerAsk {
  readonly type: "ask";
  readonly to: string;
  /** Boot of the caller. */
  readonly boot: string;
  /** Nothing numbered below this is wanted or spoken of again between these two. */
  readonly doneBelow: number;
  readonly ops: readonly AskOp[];
}

/** What became of one op. */
export type AskResult =
  /** It is charged, by whom and where; the next on the ring knows. */
  | {
    readonly verdict: "admitted";
    readonly number: number;
    readonly by: WriterId;
    readonly cell: string;
    readonly index: number;
    /** A limit in shadow mode would have refused. */
    readonly isShadowed: boolean;
    readonly remaining: number;
    readonly resetMs: WallMillis;
  }
  | {
    readonly verdict: "refused";
    readonly number: number;
    readonly reason: "limit" | "isolated";
    readonly retryAfterMs: Millis;
    readonly remaining: number;
    readonly resetMs: WallMillis;
  }
  /** Not the owner, not yet, or no room: nothing was charged. Ask again. */
  | { readonly verdict: "later"; readonly number: number }
  /** The cancel or correction is done, as far as it can be. */
  | { readonly verdict: "done"; readonly number: number };

/** Owner to caller. */
export interface OwnerReply {
  readonly type: "reply";
  readonly to: string;
  readonly boot: string;
  readonly results: readonly AskResult[];
}

/** A writer's newest word about a cell, passed on. */
export interface CellCopy {
  readonly key: string;
  readonly word: number;
  readonly bytes: Uint8Array;
  /** May be forgotten after this instant of cluster time. */
  readonly expiresMs: WallMillis;
}

/** A charge that was taken, so that another owner knows a repeat. */
export interface ChargeCopy {
  /** Boot of the caller. */
  readonly boot: string;
  readonly number: number;
  readonly limit: string;
  readonly amount: number;
  readonly by: WriterId;
  readonly cell: string;
  readonly index: number;
}

/** Owner to the next on the ring: keep this. */
export interface Mirror {
  readonly type: "mirror";
  readonly to: string;
  readonly boot: string;
  readonly seq: number;
  readonly cells: readonly CellCopy[];
  readonly charges: readonly ChargeCopy[];
}

/** The next on the ring has it. */
export interface Mirrored {
  readonly type: "mirrored";
  readonly to: string;
  readonly boot: string;
  readonly seq: number;
  /** Shards that somebody else pulled since: you own them no more, and what you charged there is not confirmed. */
  readonly lost: readonly number[];
}

/** New owner to everybody: stop deciding for this shard, and tell me what you know. */
export interface Pull {
  readonly type: "pull";
  readonly boot: string;
  readonly shard: number;
  /** Grows with every attempt of this boot. */
  readonly attempt: number;
}

/** A part of the answer. */
export interface Pulled {
  readonly type: "pulled";
  readonly to: string;
  readonly boot: string;
  readonly shard: number;
  readonly attempt: number;
  /** Parts belong together when this is the same. */
  readonly revision: number;
  readonly part: number;
  readonly parts: number;
  readonly cells: readonly CellCopy[];
  readonly charges: readonly ChargeCopy[];
  /** Others who may have been charging since. */
  readonly alsoAsk: readonly WriterId[];
}

/** All of them. */
export type OwnerMessage = OwnerAsk | OwnerReply | Mirror | Mirrored | Pull | Pulled;
