/**
 * What goes to the Go program and what comes from it.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** What becomes of a node's datagrams. */
export interface GoUdp {
  readonly blockIn?: boolean;
  readonly blockOut?: boolean;
  /** Share of arriving datagrams dropped, 0 to 1. */
  readonly lossIn?: number;
  /** Addresses whose datagrams are dropped both ways. */
  readonly blockPeers?: readonly string[];
}

/** One Go node; absent fields keep the preset's value. */
export interface GoNodeConfig {
  readonly name: string;
  /** Default `127.0.0.1`. */
  readonly bind?: string;
  /** Default 0: chosen by the system. */
  readonly port?: number;
  /** Default `local`. */
  readonly preset?: "lan" | "wan" | "local";
  readonly probeIntervalMs?: number;
  readonly probeTimeoutMs?: number;
  readonly gossipIntervalMs?: number;
  readonly gossipToTheDeadMs?: number;
  readonly pushPullIntervalMs?: number;
  readonly tcpTimeoutMs?: number;
  readonly deadNodeReclaimMs?: number;
  readonly suspicionMult?: number;
  readonly retransmitMult?: number;
  readonly indirectChecks?: number;
  readonly gossipNodes?: number;
  readonly udpBufferSize?: number;
  readonly protocolVersion?: number;
  readonly compression?: boolean;
  readonly verifyIncoming?: boolean;
  readonly verifyOutgoing?: boolean;
  readonly disableTcpPings?: boolean;
  /** Not on v0.2.2. */
  readonly label?: string;
  /** Not on v0.2.2. */
  readonly skipInboundLabelCheck?: boolean;
  /** Min, max, current. */
  readonly delegateVersions?: readonly [number, number, number];
  /** The ring, primary first. */
  readonly keys?: readonly Uint8Array[];
  readonly meta?: Uint8Array;
  readonly userState?: Uint8Array;
  readonly ackPayload?: Uint8Array;
  /** Keeps user messages out of the events; `stats` counts them. */
  readonly countUserOnly?: boolean;
  readonly udp?: GoUdp;
}

/** One row of a Go node's list. `state` is what Go fills in, which is 0 for everybody it lists. */
export interface GoMember {
  readonly name: string;
  readonly addr: string;
  readonly state: number;
  readonly meta: Uint8Array;
  readonly vsn: readonly number[];
}

/** Everything a Go node tells. */
export interface GoEvent {
  readonly event:
    | "join"
    | "leave"
    | "update"
    | "conflict"
    | "user"
    | "mergeState"
    | "ping"
    | "log"
    | "fault";
  /** Wall clock of the Go process. */
  readonly atMs: number;
  readonly member?: GoMember;
  readonly other?: GoMember;
  readonly payload?: Uint8Array;
  readonly join?: boolean;
  readonly rttMs?: number;
  readonly message?: string;
}

/** What a node has received. */
export interface GoStats {
  readonly userMessages: number;
  readonly userBytes: number;
  readonly remoteStates: number;
  readonly pings: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly packetsDropped: number;
}

/** A member as the program writes it. */
export interface RawMember {
  readonly name: string;
  readonly addr: string;
  readonly state: number;
  readonly meta: string | null;
  readonly vsn: readonly number[];
}

/** The one line a command is answered with. */
export interface RawAnswer {
  readonly id: number;
  readonly ok: boolean;
  readonly error?: string;
  readonly addr?: string;
  readonly count?: number;
  readonly rttUs?: number;
  readonly members?: readonly RawMember[];
  readonly keys?: readonly string[];
  readonly stats?: GoStats;
}

/** A line that answers no command. */
export interface RawEvent {
  readonly event: GoEvent["event"] | "ready";
  readonly node?: string;
  readonly atUs?: number;
  readonly member?: RawMember;
  readonly other?: RawMember;
  readonly payload?: string;
  readonly join?: boolean;
  readonly rttUs?: number;
  readonly message?: string;
}

/** Decodes an event. */
export function eventOf(raw: RawEvent): GoEvent {
  return {
    event: raw.event as GoEvent["event"],
    atMs: (raw.atUs ?? 0) / 1000,
    ...(raw.member === undefined ? {} : { member: memberOf(raw.member) }),
    ...(raw.other === undefined ? {} : { other: memberOf(raw.other) }),
    ...(raw.payload === undefined ? {} : { payload: fromBase64(raw.payload) }),
    ...(raw.join === undefined ? {} : { join: raw.join }),
    ...(raw.rttUs === undefined ? {} : { rttMs: raw.rttUs / 1000 }),
    ...(raw.message === undefined ? {} : { message: raw.message }),
  };
}

/** Decodes a member. */
export function memberOf(raw: RawMember): GoMember {
  return { ...raw, meta: fromBase64(raw.meta ?? "") };
}

/** Bytes as Go's JSON writes them. */
export function toBase64(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("base64");
}

/** The way back. */
export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
