/**
 * What goes into the replication machine and what comes out of it.
 *
 * The driver moves frames and dials; it decides nothing. Links are numbers: those the machine dials count up from 1,
 * those the driver accepts are numbered -1, -2 and so on by the driver, never twice.
 *
 * Time: `now` is monotonic. The wall clock comes in with `start` and again with `wall` whenever the driver likes (about
 * every second, so that a clock set by hand is seen); in between it is taken to run with the monotonic one.
 *
 * @module
 */

import type { ClusterErrorCode } from "../errors.ts";
import type { Version } from "../hlc.ts";
import type { Millis, Tick, WallMillis } from "../machine.ts";
import type { AwaitedMember, AwaitLevel, WriteOutcome } from "./awaited.ts";
import type { EntryWrite, StoredEntry } from "./entry.ts";
import type { LinkFrame } from "./frames.ts";

/** Names a stream between driver and machine. */
export type LinkId = number;

/** What the world tells the replication machine. */
export type ReplicationInput =
  | Tick
  /** First input, once. */
  | { readonly type: "start"; readonly wallMs: WallMillis }
  /** What the wall clock shows now. */
  | { readonly type: "wall"; readonly wallMs: WallMillis }
  /** A member that speaks our protocol is alive or suspect. Repeat it when `boot` changes; harmless otherwise. */
  | {
    readonly type: "peerUp";
    readonly peer: string;
    readonly boot: string;
    readonly capabilities: readonly string[];
  }
  /** It is dead, left or no longer ours. */
  | { readonly type: "peerDown"; readonly peer: string }
  /** Everybody of our kind who has not left, dead ones and ourselves included: whose word awaited writes wait for. */
  | { readonly type: "members"; readonly members: readonly AwaitedMember[] }
  /** The stream asked for with `open` stands. */
  | { readonly type: "linkOpened"; readonly link: LinkId }
  /** The stream asked for with `open` could not be had. Last word on this link. */
  | { readonly type: "linkFailed"; readonly link: LinkId; readonly reason: string }
  /** A stream, dialled or accepted, ended or broke. Last word on this link; not owed after `close`. */
  | { readonly type: "linkClosed"; readonly link: LinkId; readonly reason?: string }
  /** A stream was accepted and authenticated. */
  | { readonly type: "accepted"; readonly link: LinkId }
  /** A frame came. */
  | { readonly type: "frame"; readonly link: LinkId; readonly frame: LinkFrame }
  /** The stream took the frame of one `send` and can take more: exactly one for each `send`. */
  | { readonly type: "writable"; readonly link: LinkId }
  | { readonly type: "command"; readonly command: ReplicationCommand };

/** What this node's owner asks for. */
export type ReplicationCommand = WriteCommand | MessageCommand;

/**
 * Writes all or nothing under one stamp; answered by `settled` in the same step, and with `level` by `awaited` once the
 * others have said what there is to say.
 */
export interface WriteCommand {
  /** Discriminates the union. */
  readonly type: "write";
  /** Comes back in `settled`. */
  readonly op: number;
  /** Entries written here. */
  readonly writes: readonly EntryWrite[];
  /** How many must apply it before `awaited`; left out: nobody waits. */
  readonly level?: AwaitLevel;
  /** How long to wait for them. @default {5000} */
  readonly timeoutMs?: Millis;
}

/** Sends bytes to a peer's application: no state, no promise. Answered by `messageSettled` in the same step. */
export interface MessageCommand {
  /** Discriminates the union. */
  readonly type: "message";
  /** Comes back in `messageSettled`; left out: no answer is wanted. */
  readonly op?: number;
  /** Node id of the peer. */
  readonly peer: string;
  /** Whom it is for, within the peer; at most 255 bytes. */
  readonly channel: string;
  /** At most 64 KiB. */
  readonly payload: Uint8Array;
}

/** Why a command was not carried out; nothing was changed. */
export interface ReplicationRefusal {
  /** Discriminates the union. */
  readonly ok: false;
  /** Machine-readable reason. */
  readonly code: ClusterErrorCode;
  /** What was attempted, and what to do. */
  readonly message: string;
}

/** What became of a write. */
export type ReplicationResult =
  | { readonly ok: true; readonly version: Version }
  | ReplicationRefusal;

/** What the replication machine asks of the world, in order. */
export type ReplicationEffect =
  /** Dial the peer; answer with `linkOpened` or `linkFailed`. */
  | { readonly type: "open"; readonly link: LinkId; readonly peer: string }
  /** Write a frame; answer with one `writable` once the stream took it. */
  | { readonly type: "send"; readonly link: LinkId; readonly frame: LinkFrame }
  /** Close a stream, or stop dialling it. Inputs about it are ignored from now on. */
  | { readonly type: "close"; readonly link: LinkId; readonly reason: string }
  | { readonly type: "settled"; readonly op: number; readonly result: ReplicationResult }
  /** What became of a write with `level`; after its `settled`. */
  | { readonly type: "awaited"; readonly op: number; readonly outcome: WriteOutcome }
  /** The message waits to be sent, or why it does not. */
  | {
    readonly type: "messageSettled";
    readonly op: number;
    readonly result: { readonly ok: true } | ReplicationRefusal;
  }
  | { readonly type: "event"; readonly event: ReplicationEvent };

/** Where a dialled link stands. */
export type LinkState = "waiting" | "dialling" | "greeting" | "open";

/** Facts for the layers above, the log and the status page. */
export type ReplicationEvent =
  /** The newest value of a key is another one now. */
  | {
    readonly type: "changed";
    readonly entry: StoredEntry;
    /** What was there before, tombstone included; `undefined` when nothing was, or it had expired. */
    readonly old: StoredEntry | undefined;
    /** Written here. */
    readonly local: boolean;
  }
  /** A value expired: the key reads as absent from now on. Once on each node, at its own cluster time. */
  | { readonly type: "expired"; readonly entry: StoredEntry }
  /** A tombstone, an expired or a forgotten value is held no more: a storage forgets it too. */
  | { readonly type: "purged"; readonly entry: StoredEntry }
  /** A peer knew that this was deleted, longer ago than anybody remembers deletes: the key is absent from now on. */
  | { readonly type: "forgotten"; readonly entry: StoredEntry }
  /** A peer's application sent this. */
  | {
    readonly type: "message";
    readonly peer: string;
    readonly channel: string;
    readonly payload: Uint8Array;
  }
  /** A stamp from too far in the future was refused; told at most once a minute per origin. */
  | {
    readonly type: "futureStamp";
    /** Node id of the writer whose clock is ahead. */
    readonly origin: string;
    /** Who sent it to us. */
    readonly from: string;
    readonly entityType: string;
    readonly key: string;
    readonly aheadMs: Millis;
  }
  /** A peer refused an entry of ours. */
  | {
    readonly type: "refused";
    readonly peer: string;
    readonly entityType: string;
    readonly key: string;
    readonly reason: string;
  }
  /** A peer holds these entries of this boot, or later ones; only of the types that the options name. */
  | {
    readonly type: "acknowledged";
    readonly peer: string;
    readonly boot: string;
    readonly entries: readonly StoredEntry[];
  }
  /** A peer has seen every write of this boot up to this number. */
  | {
    readonly type: "caughtUp";
    readonly peer: string;
    readonly boot: string;
    readonly number: number;
  }
  /** Its stamp counted nowhere, so it got a new one. */
  | { readonly type: "restamped"; readonly entry: StoredEntry }
  /** Our snapshot: entries received so far, of about so many (0: the peer does not say). */
  | {
    readonly type: "snapshotProgress";
    readonly from: string;
    readonly entries: number;
    readonly total: number;
  }
  /** First sync done: by snapshot, or because nobody had anything. */
  | { readonly type: "ready"; readonly how: "snapshot" | "alone" | "first" }
  | {
    readonly type: "linkState";
    readonly peer: string;
    readonly state: LinkState | "gone";
    readonly reason?: string;
  };

/** One dialled link, for people. */
export interface LinkView {
  /** Node id of the peer. */
  readonly peer: string;
  /** Where the link stands. */
  readonly state: LinkState;
  /** Keys waiting to be sent. */
  readonly dirty: number;
  /** Batches sent and not acknowledged. */
  readonly inFlight: number;
  /** When the peer last acknowledged a batch, on our monotonic clock. */
  readonly lastAckMs: Millis | undefined;
  /** Entries the peer refuses at present. */
  readonly refused: number;
  /** Why the link was last lost. */
  readonly lastError: string | undefined;
}

/** Counted since start. */
export interface ReplicationCounters {
  /** Entries written here. */
  writes: number;
  /** Entries taken from peers. */
  applied: number;
  /** Entries from peers that were not newer than ours: late or doubled. */
  stale: number;
  /** Entries from peers that did not decode, or had names or stamps out of bounds. */
  malformed: number;
  /** Entries refused for a stamp in the future. */
  futureStamps: number;
  /** Entries refused for another reason. */
  refused: number;
  /** Entries given a new stamp because theirs counted nowhere. */
  restamped: number;
  /** Batches sent to peers. */
  batchesSent: number;
  /** Batches received from peers. */
  batchesReceived: number;
  /** Entries sent to peers, once for each peer. */
  entriesSent: number;
  /** Pieces of large entries sent to peers. */
  chunksSent: number;
  /** Comparisons of digests begun. */
  digestsStarted: number;
  /** Comparisons that found a difference. */
  digestsDiffering: number;
  /** Snapshots handed to newcomers. */
  snapshotsServed: number;
  /** Tombstones forgotten as their horizon passed. */
  tombstonesPurged: number;
  /** Values that expired here. */
  expired: number;
  /** Entries from peers that had expired so long ago that they were not even looked at. */
  expiredOnArrival: number;
  /** Values from peers refused because their key was deleted longer ago than anybody remembers deletes. */
  deletedOnArrival: number;
  /** Keys given up because a peer knew that they were deleted while we were away. */
  forgotten: number;
  /** Messages handed to streams. */
  messagesSent: number;
  /** Messages received. */
  messagesReceived: number;
  /** Messages lost here: too many waited, the peer takes none, or one from a peer was out of bounds. */
  messagesDropped: number;
  /** Links cut because the peer broke the protocol. */
  protocolErrors: number;
}

/** The first sync of a node that is not ready yet, for people. */
export interface SyncView {
  /** Whose snapshot it gets; `undefined` while it looks for somebody. */
  readonly from: string | undefined;
  /** Entries received. */
  readonly entries: number;
  /** Of about so many; 0 while nobody has said. */
  readonly total: number;
  /** The snapshot is there; with whom it is compared. */
  readonly comparingWith: string | undefined;
}

/** A look at the machine, for status pages. */
export interface ReplicationView {
  /** First sync done and clock in order. */
  readonly ready: boolean;
  /** Why not. */
  readonly notReadyBecause: string | undefined;
  /** The first sync; `undefined` once it is done. */
  readonly sync: SyncView | undefined;
  /** The links we dialled, one for each peer. */
  readonly links: readonly LinkView[];
  /** Links that peers dialled. */
  readonly inboundLinks: number;
  /** Node ids of those who dialled them and have greeted. */
  readonly inboundPeers: readonly string[];
  /** Keys held, tombstones not counted. */
  readonly entries: number;
  /** Deletes remembered. */
  readonly tombstones: number;
  /** Estimated bytes of all that is held. */
  readonly storeBytes: number;
  /** How far our clock is ahead of cluster time, the median over the peers and ourselves; negative: behind. */
  readonly clockOffMs: number;
  /** Counted since start. */
  readonly counters: Readonly<ReplicationCounters>;
}
