/**
 * What voters, roots and holders say to one another. Every message may be lost, doubled, delayed and overtaken: each
 * says absolute numbers, so that the same message twice does what it does once.
 *
 * @module
 */

import type { Version } from "../../hlc.ts";
import type { Millis } from "../../machine.ts";
import type {
  Epoch,
  HolderRow,
  LeaseWindow,
  LedgerSlice,
  LimitTerms,
  VoterList,
} from "./contract.ts";

/** Candidate to everybody: promise me this epoch, and tell me what you know. */
export interface Prepare {
  readonly type: "prepare";
  readonly shard: number;
  readonly epoch: Epoch;
}

/** Voter to candidate: promised; from now on nobody below that epoch stores anything here. */
export interface Promised {
  readonly type: "promised";
  readonly shard: number;
  readonly epoch: Epoch;
  readonly voter: string;
  /** Newest list known; absent: none. */
  readonly list?: VoterList;
  readonly slices: readonly LedgerSlice[];
}

/** Root to voter: write this down. The list always comes along. */
export interface Store {
  readonly type: "store";
  readonly shard: number;
  readonly epoch: Epoch;
  /** Id of the voter meant; another one on that node keeps silent. */
  readonly voter: string;
  readonly list: VoterList;
  readonly slices: readonly StoreSlice[];
}

/** A slice, and the root's count of its changes: with this slice the voter has all up to `seq`. */
export interface StoreSlice extends LedgerSlice {
  readonly seq: number;
}

/** Voter to root: what became of each slice of a store, and that the list is written down. */
export interface Stored {
  readonly type: "stored";
  readonly shard: number;
  readonly epoch: Epoch;
  readonly voter: string;
  readonly listNumber: number;
  readonly verdicts: readonly Verdict[];
}

/** What a voter says of one slice. */
export interface Verdict {
  readonly limit: string;
  readonly order: number;
  readonly seq: number;
  /**
   * `stored`: written down. `late`: the window is over here; nothing may be granted in it any more. `early`: the window
   * is not near yet, not written down. `version`: a newer version of the limit is known, not written down.
   */
  readonly verdict: "stored" | "late" | "early" | "version";
  /** With `version`: the terms known. */
  readonly terms?: LimitTerms;
}

/** Voter to root or candidate: I promised a later epoch. */
export interface Refused {
  readonly type: "refused";
  readonly shard: number;
  /** The one that was too low. */
  readonly epoch: Epoch;
  readonly promised: Epoch;
}

/** Holder to root: reports, renewals and wishes, many limits in one. */
export interface Ask {
  readonly type: "ask";
  readonly boot: string;
  /** On the holder's monotonic clock; comes back with the answer. */
  readonly sentMs: Millis;
  readonly items: readonly AskItem[];
}

/** One limit: what the holder knows of its own row in one window, and what it would like. */
export interface AskItem extends Omit<HolderRow, "holder"> {
  readonly limit: string;
  /** Window of the row; absent: the holder has none. */
  readonly window?: LeaseWindow;
  /** Wanted beyond `granted`; negative: this only reports. */
  readonly want: number;
  /** Less than this helps nobody who waits. */
  readonly atLeast: number;
}

/** Root to holder. */
export interface Answer {
  readonly type: "answer";
  /** Boot id of the holder; another boot takes no notice. */
  readonly boot: string;
  readonly sentMs: Millis;
  readonly ttlMs: Millis;
  readonly items: readonly AnswerItem[];
}

/** What the root says of one limit. */
export type AnswerItem =
  /** A quorum wrote this row down; its `granted` may be used. `isScarce`: little is left, give back what you can. */
  | {
    readonly type: "granted";
    readonly limit: string;
    readonly order: number;
    readonly granted: number;
    readonly returned: number;
    readonly spent: number;
    /** What was left of the window when the question was answered. */
    readonly leftMs: Millis;
    readonly window: LeaseWindow;
    /** Of the definition it was granted under. */
    readonly version: Version;
    readonly isScarce: boolean;
  }
  /** A quorum wrote this report down. */
  | {
    readonly type: "reported";
    readonly limit: string;
    readonly order: number;
    readonly returned: number;
    readonly spent: number;
  }
  /** The ledger says more than you know, and there is no room for it: raise `granted` to this, `returned` likewise. */
  | {
    readonly type: "correct";
    readonly limit: string;
    readonly order: number;
    readonly granted: number;
    readonly window: LeaseWindow;
  }
  /** That window counts no more; its row needs no report. */
  | { readonly type: "over"; readonly limit: string; readonly order: number }
  /** No root for now: no office, no definition, or clocks too far apart. Ask again. */
  | { readonly type: "later"; readonly limit: string };

/** Messages to voters. */
export type ToVoter = Prepare | Store;
/** Messages to roots and candidates. */
export type ToRoot = Promised | Stored | Refused | Ask;
/** Messages to holders. */
export type ToHolder = Answer;
/** All of them. */
export type LeasedMessage = ToVoter | ToRoot | ToHolder;
