/**
 * What goes into the membership machine and what comes out of it.
 *
 * The machine speaks bytes: packets and stream chunks in, packets and stream writes out. The driver (or the
 * simulator) moves them and decides nothing. Operations carry a token `op`, chosen by the caller, that comes back
 * in exactly one `settled` effect (H4).
 *
 * @module
 */

import type { ClusterErrorCode } from "../errors.ts";
import type { Address, Millis, Tick } from "../machine.ts";
import type { DropReason } from "../wire/contract.ts";

/** Where a member stands. */
export type MemberState = "alive" | "suspect" | "dead" | "left";

/** Why a member is suspected: kept for people to read, and for the leave event that may follow. */
export interface SuspicionEvidence {
  /** First accuser's node name; our own name when we saw it ourselves or learned it by push/pull. */
  readonly accuser: string;
  /** Others who agreed, in the order they were heard. */
  readonly confirmations: readonly string[];
  /** When it began, on this node's monotonic clock. */
  readonly sinceMs: Millis;
  /** When silence becomes death, as it stands now. */
  readonly deadlineMs: Millis;
  /** Our own health score when it began: high means we may be the one who is ill. */
  readonly localHealth: number;
  /** Milliseconds since the member last answered us; `undefined` if it never did. */
  readonly lastAckAgoMs?: Millis;
}

/** An immutable view of one member. */
export interface Member {
  /** The memberlist node name. */
  readonly name: string;
  /** `ip:port`, IPv4 in its short form. */
  readonly address: Address;
  readonly state: MemberState;
  readonly incarnation: number;
  /** Raw metadata, possibly empty. */
  readonly meta: Uint8Array;
  /** The six version bytes. */
  readonly vsn: Uint8Array;
  /** When `state` last changed, on this node's monotonic clock. */
  readonly stateChangedMs: Millis;
  /** Smoothed round-trip time of direct probes. */
  readonly rttMs?: Millis;
  /** Present while `state` is `"suspect"`, and kept on the dead as the reason. */
  readonly evidence?: SuspicionEvidence;
}

/** What the world tells the membership machine. */
export type MembershipInput =
  | Tick
  /** Begins: announces ourselves and arms the timers. First input, once. */
  | { readonly type: "start" }
  /** A datagram came. `queuedMs` is how long it waited between socket and machine, 0 if not known. */
  | {
    readonly type: "packet";
    readonly from: Address;
    readonly bytes: Uint8Array;
    readonly queuedMs?: Millis;
  }
  /** A datagram to `to` could not even be written (no route, socket gone). */
  | { readonly type: "packetFailed"; readonly to: Address }
  /**
   * A stream was accepted. The driver picks `stream`, negative and never used before: accepted streams count down
   * from -1, dialled ones count up from 1, so that the two never meet. `replying`: accepted streams whose reply is
   * still being written, which count toward `acceptedStreamsMax` as well; left out: none.
   */
  | {
    readonly type: "accepted";
    readonly stream: number;
    readonly from: Address;
    readonly replying?: number;
  }
  /** A stream asked for with `dial` is open; the request has been written. */
  | { readonly type: "connected"; readonly stream: number }
  /** Bytes arrived on a stream. */
  | { readonly type: "streamData"; readonly stream: number; readonly bytes: Uint8Array }
  /** The stream ended (`error` absent) or broke. Dialled and accepted streams share this input. */
  | { readonly type: "streamClosed"; readonly stream: number; readonly error?: string }
  /** The event loop was late by `lagMs`; feeds local health. */
  | { readonly type: "lag"; readonly lagMs: Millis }
  | { readonly type: "command"; readonly command: MembershipCommand };

/** What this node's owner asks for. Every command that carries an `op` is answered by exactly one `settled`. */
export type MembershipCommand =
  /**
   * Push/pulls with every address, several at a time; succeeds if one does, with the count. An address may be
   * `name/ip:port`. Our own address is left out; nothing left to join is a success with count 0.
   */
  | { readonly type: "join"; readonly op: number; readonly addresses: readonly Address[] }
  /** Announces a graceful leave and waits until it was sent `RetransmitMult` times or `timeoutMs` passed. */
  | { readonly type: "leave"; readonly op: number; readonly timeoutMs: Millis }
  /** Comes back after a leave, with a new incarnation (memberlist.md 8.4, 5). */
  | { readonly type: "rejoin"; readonly op: number }
  /** Replaces our metadata and waits until the news was sent on or `timeoutMs` passed. */
  | {
    readonly type: "setMeta";
    readonly op: number;
    readonly meta: Uint8Array;
    readonly timeoutMs: Millis;
  }
  /** One packet to a member by name, without confirmation. */
  | {
    readonly type: "sendBestEffort";
    readonly op: number;
    readonly to: string;
    readonly payload: Uint8Array;
  }
  /** One stream to a member by name; settled when the bytes were written. */
  | {
    readonly type: "sendReliable";
    readonly op: number;
    readonly to: string;
    readonly payload: Uint8Array;
  }
  /**
   * Queues application bytes for gossip (one hop, `RetransmitMult` sends). Bytes that fit no packet are refused:
   * `settled` says `too-large` when `op` is given, `broadcastsRefused` counts it in any case.
   */
  | { readonly type: "userBroadcast"; readonly op?: number; readonly payload: Uint8Array }
  /** One direct ping; settled with the round-trip time. */
  | { readonly type: "ping"; readonly op: number; readonly to: string };

/** What a finished operation brought. */
export type MembershipResult =
  | {
    readonly ok: true;
    readonly joined?: number;
    readonly rttMs?: Millis;
    readonly failures?: readonly string[];
  }
  | { readonly ok: false; readonly code: ClusterErrorCode; readonly message: string };

/** What the membership machine asks of the world, in order. */
export type MembershipEffect =
  /** Send one datagram. */
  | { readonly type: "packet"; readonly to: Address; readonly bytes: Uint8Array }
  /**
   * Open a stream, write `request`, then feed what comes back. `stream` is positive and never used before. The
   * machine closes it when done or too late.
   */
  | {
    readonly type: "dial";
    readonly stream: number;
    readonly to: Address;
    readonly request: Uint8Array;
  }
  /** Write to an accepted stream, then close it once flushed. */
  | { readonly type: "reply"; readonly stream: number; readonly bytes: Uint8Array }
  /** Close a stream now, whatever its state. Nothing more is wanted from it. */
  | { readonly type: "close"; readonly stream: number }
  | { readonly type: "settled"; readonly op: number; readonly result: MembershipResult }
  | { readonly type: "event"; readonly event: MembershipEvent };

/** Facts for the layers above, the log and the status page. */
export type MembershipEvent =
  /** A member appeared or came back. Also told of ourselves at start. */
  | { readonly type: "joined"; readonly member: Member }
  /** Its metadata changed. */
  | { readonly type: "updated"; readonly member: Member }
  | { readonly type: "suspected"; readonly member: Member }
  /** A suspect proved to be alive. */
  | { readonly type: "cleared"; readonly member: Member }
  /** It died (`state` dead) or left (`state` left). */
  | { readonly type: "gone"; readonly member: Member }
  /** It was forgotten, some time after it was gone. */
  | { readonly type: "reaped"; readonly name: string; readonly address: Address }
  /** Two nodes claim one name. */
  | { readonly type: "conflict"; readonly existing: Member; readonly otherAddress: Address }
  /** Somebody accused us; we answered with `incarnation`. */
  | { readonly type: "refuted"; readonly incarnation: number; readonly accuser: string }
  /** Our own health score changed; 0 is well. */
  | { readonly type: "health"; readonly score: number }
  /** A probe by UDP failed while TCP answered: UDP to that member is blocked. Told of each once a minute at most. */
  | { readonly type: "udpBlocked"; readonly member: Member }
  /** Application bytes came. `from` is the sender's address. */
  | {
    readonly type: "user";
    readonly from: Address;
    readonly payload: Uint8Array;
    readonly reliable: boolean;
  }
  /** A state exchange finished; `partial` counts entries that could not be used and were skipped. */
  | {
    readonly type: "merged";
    readonly from: Address;
    readonly join: boolean;
    readonly partial: number;
  }
  /** A peer's state was refused as a whole (versions, merge delegate). */
  | { readonly type: "mergeRefused"; readonly from: Address; readonly reason: string }
  /** Input was dropped; counted by the machine as well. */
  | { readonly type: "dropped"; readonly from: Address; readonly reason: DropReason };

/** Synchronous, quick, pure hooks (H7); all optional. */
export interface MembershipDelegate {
  /** Bytes that ride on our UDP acks. */
  ackPayload?(): Uint8Array;
  /** A direct UDP ping was answered. */
  pingCompleted?(member: Member, rttMs: Millis, payload: Uint8Array): void;
  /** User state for a push/pull. */
  localState?(join: boolean): Uint8Array;
  /** User state of the other side; not called for empty state. */
  mergeRemoteState?(state: Uint8Array, join: boolean): void;
  /** Refuses a join by answering a reason. */
  refuseMerge?(members: readonly Member[]): string | undefined;
  /** Refuses an alive message, also about ourselves, by answering a reason. */
  refuseAlive?(member: Member): string | undefined;
}

/** Counters since start; every reason for silence is here (rule: nothing is lost in silence). */
export interface MembershipCounters {
  /** Datagrams received. */
  readonly packetsIn: number;
  /** Datagrams sent. */
  readonly packetsOut: number;
  /** Bytes of the datagrams received. */
  readonly bytesIn: number;
  /** Bytes of the datagrams sent. */
  readonly bytesOut: number;
  /** Streams that peers opened. */
  readonly streamsAccepted: number;
  /** Streams that we opened. */
  readonly streamsDialled: number;
  /** Streams closed at once as too many were open. */
  readonly streamsRefused: number;
  /** Members probed. */
  readonly probes: number;
  /** Probes that no way brought an answer to. */
  readonly probesFailed: number;
  /** Probes that only a ping over TCP was answered to, so that UDP seems blocked. */
  readonly probesByTcp: number;
  /** Accusations against us that we answered. */
  readonly refutations: number;
  /** Broadcasts that had to make room for others. */
  readonly queueOverflow: number;
  /** Packets not sent toward an address that belongs to no member, as there were too many. */
  readonly reflectionsRefused: number;
  /** Accepted streams closed by us as their message did not come in time, or as all together held too much. */
  readonly streamsExpired: number;
  /** States of peers refused as a whole. */
  readonly mergesRefused: number;
  /** Alive messages refused: name, address, versions, metadata, network, delegate. */
  readonly aliveRefused: number;
  /** Messages ignored for an incarnation that nobody can have reached. */
  readonly incarnationsRefused: number;
  /** Alive messages ignored as their member is remembered as gone. */
  readonly tombstoned: number;
  /** Members refused as the table is full. */
  readonly membersRefused: number;
  /** Alive messages that claimed a name in use elsewhere. */
  readonly conflicts: number;
  /** Messages too large for a packet, left to the state exchange (ours) or refused (the application's). */
  readonly broadcastsRefused: number;
  /** Times this process was found blocked for longer than half a probe timeout. */
  readonly lags: number;
  /** Input dropped, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}
