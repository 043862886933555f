/**
 * What the parts of one membership machine share.
 *
 * @module
 */

import { Deadlines } from "../deadlines.ts";
import type { ClusterErrorCode } from "../errors.ts";
import type { Millis } from "../machine.ts";
import { Rng } from "../rng.ts";
import type { PacketCodec, StreamCodec } from "../wire/contract.ts";
import type { PacketMessage } from "../wire/messages.ts";
import { Awareness } from "./awareness.ts";
import { Broadcasts } from "./broadcasts.ts";
import type { MembershipConfig } from "./config.ts";
import type {
  MembershipDelegate,
  MembershipEffect,
  MembershipEvent,
  MembershipResult,
} from "./contract.ts";
import { type Counters, zeroCounters } from "./counters.ts";
import type { MemberRecord } from "./member_record.ts";
import { Members } from "./members.ts";
import { TokenBucket } from "./token_bucket.ts";
import { Tombstones } from "./tombstones.ts";

/** Something that waits for an instant. */
export interface Due {
  /** The instant has come; the deadline is disarmed already. */
  due(): void;
}

/** Codecs and hooks that come from outside. */
export interface MachineParts {
  readonly config: MembershipConfig;
  readonly seed: number;
  readonly packetCodec: PacketCodec;
  readonly streamCodec: StreamCodec;
  readonly encode: (message: PacketMessage) => Uint8Array;
  readonly delegate?: MembershipDelegate;
}

/** Log-like events (drops, conflicts) a second; beyond it they are only counted. */
const NOTICES_PER_SECOND = 10;

/** The shared state. `now` and `out` belong to the input being handled. */
export class MachineState {
  readonly config: MembershipConfig;
  readonly packetCodec: PacketCodec;
  readonly streamCodec: StreamCodec;
  readonly encode: (message: PacketMessage) => Uint8Array;
  readonly delegate: MembershipDelegate;
  readonly rng: Rng;
  readonly members: Members;
  readonly tombstones: Tombstones;
  readonly awareness: Awareness;
  /** News about members. */
  readonly broadcasts: Broadcasts;
  /** The application's messages, type byte included. */
  readonly userBroadcasts: Broadcasts;
  readonly deadlines: Deadlines<Due> = new Deadlines();
  readonly counters: Counters = zeroCounters();
  /** Guards packets toward addresses that belong to no member. */
  readonly unsolicited: TokenBucket;
  /** Guards notices about bad input. */
  readonly notices: TokenBucket = new TokenBucket(NOTICES_PER_SECOND);
  /** Ourselves; also in `members` from the start input on. */
  readonly self: MemberRecord;
  /** After our leave, until we rejoin. */
  leaving = false;
  now: Millis = 0;
  out: MembershipEffect[] = [];
  #seqNo = 0;

  /** `self` is not yet listed. */
  constructor(parts: MachineParts, self: MemberRecord) {
    const { config } = parts;
    this.config = config;
    this.packetCodec = parts.packetCodec;
    this.streamCodec = parts.streamCodec;
    this.encode = parts.encode;
    this.delegate = parts.delegate ?? {};
    this.self = self;
    this.rng = new Rng(parts.seed);
    this.members = new Members(this.rng.fork());
    this.tombstones = new Tombstones(config.tombstonesMax, config.tombstoneMs);
    this.awareness = new Awareness(config.awarenessMaxMultiplier);
    this.broadcasts = new Broadcasts(config.membersMax + 1);
    this.userBroadcasts = new Broadcasts(config.userBroadcastsMax);
    this.unsolicited = new TokenBucket(config.unsolicitedPerSecondMax);
  }

  /** The next sequence number; the first is 1. */
  nextSeqNo(): number {
    this.#seqNo = (this.#seqNo + 1) >>> 0;
    return this.#seqNo;
  }

  /** Tells the layers above. */
  emit(event: MembershipEvent): void {
    this.out.push({ type: "event", event });
  }

  /** Tells of bad input, but not too often; the caller has counted it. */
  notice(event: MembershipEvent): void {
    if (this.notices.take(this.now)) this.emit(event);
  }

  /** Finishes an operation. */
  settle(op: number, result: MembershipResult): void {
    this.out.push({ type: "settled", op, result });
  }

  /** Finishes an operation in vain. */
  fail(op: number, code: ClusterErrorCode, message: string): void {
    this.settle(op, { ok: false, code, message });
  }

  /** Moves our health score. */
  adjustHealth(delta: number): void {
    if (this.awareness.apply(delta)) this.emit({ type: "health", score: this.awareness.score });
  }

  /** Arms or moves a deadline. */
  arm(due: Due, at: Millis): void {
    this.deadlines.set(due, at);
  }

  /** Whether `record` is ourselves. */
  isSelf(record: MemberRecord): boolean {
    return record === this.self;
  }

  /** Whether another member is there to hear us. */
  hasPeers(): boolean {
    return this.members.live > (this.self.live ? 1 : 0);
  }
}
