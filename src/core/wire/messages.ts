/**
 * The memberlist messages as records. Bodies, field order and msgpack rules: spec `memberlist.md` 1.8 to 1.10.
 *
 * Names are kept as `string`; a name that is not valid UTF-8 is refused at the decoder (memberlist.md 9).
 *
 * @module
 */

/** First byte of every message (memberlist.md 1.8). */
export const MessageType = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  hasCrc: 12,
  err: 13,
  hasLabel: 244,
} as const;

/** Asks `node` for an {@linkcode Ack}. Source fields say where to answer; all three absent: to the datagram's sender. */
export interface Ping {
  readonly type: "ping";
  readonly seqNo: number;
  /** The intended target's name; empty: whoever receives it. */
  readonly node: string;
  /** 4 or 16 raw bytes; absent or empty when the sender did not say. */
  readonly sourceAddr?: Uint8Array;
  readonly sourcePort?: number;
  readonly sourceNode?: string;
}

/** Asks the receiver to ping `target` on the sender's behalf. */
export interface IndirectPing {
  readonly type: "indirectPing";
  readonly seqNo: number;
  readonly target: Uint8Array;
  readonly port: number;
  readonly node: string;
  /** The requester wants a {@linkcode Nack} in time. */
  readonly nack: boolean;
  readonly sourceAddr?: Uint8Array;
  readonly sourcePort?: number;
  readonly sourceNode?: string;
}

/** Answers a ping. */
export interface Ack {
  readonly type: "ack";
  readonly seqNo: number;
  /** The ping delegate's bytes; `null` is msgpack nil, an empty array an empty raw. */
  readonly payload: Uint8Array | null;
}

/** "The target of your indirect ping did not answer me either, but I am here." */
export interface Nack {
  readonly type: "nack";
  readonly seqNo: number;
}

/** An accusation: `from` could not reach `node`. */
export interface Suspect {
  readonly type: "suspect";
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

/** A member speaks for itself. */
export interface Alive {
  readonly type: "alive";
  readonly incarnation: number;
  readonly node: string;
  /** 4 or 16 raw bytes, kept and re-sent verbatim (memberlist.md 1.11). */
  readonly addr: Uint8Array;
  readonly port: number;
  readonly meta: Uint8Array | null;
  /** `[PMin, PMax, PCur, DMin, DMax, DCur]`. */
  readonly vsn: Uint8Array | null;
}

/** A death sentence, or, when `from` is `node`, a graceful leave. */
export interface Dead {
  readonly type: "dead";
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

/** Application bytes. On packets raw, on streams with a length header. */
export interface User {
  readonly type: "user";
  readonly payload: Uint8Array;
}

/** One row of a push/pull. `state`: 0 alive, 1 suspect, 2 dead, 3 left; others are ignored by receivers. */
export interface PushPullNode {
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly meta: Uint8Array | null;
  readonly incarnation: number;
  readonly state: number;
  readonly vsn: Uint8Array | null;
}

/** Full-state exchange, streams only (memberlist.md 2.4). */
export interface PushPull {
  readonly type: "pushPull";
  readonly join: boolean;
  readonly nodes: readonly PushPullNode[];
  readonly userState: Uint8Array;
}

/** The acceptor could not read the request, streams only (memberlist.md 2.7). */
export interface Err {
  readonly type: "err";
  readonly error: string;
}

/** What may stand in a packet once label, encryption, CRC, compression and compounds are off. */
export type PacketMessage = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | User;

/** What may stand on a stream once label, encryption and compression are off. */
export type StreamMessage = Ping | Ack | PushPull | User | Err;
