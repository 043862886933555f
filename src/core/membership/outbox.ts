/**
 * Packets on their way out: piggybacked broadcasts, exact budgets, CRC where it is understood (memberlist.md 1.4 to 1.7).
 *
 * @module
 */

import type { Address } from "../machine.ts";
import type { Recipient } from "./audience.ts";
import type { MachineState } from "./machine_state.ts";
import type { MemberRecord } from "./member_record.ts";
import { retransmitLimit } from "./scaling.ts";

/** Most messages one compound can count. */
const PARTS_MAX = 255;
/** Bytes that begin a compound. */
const COMPOUND_HEADER = 2;
/** Bytes that each part of a compound costs beyond itself. */
const PART_OVERHEAD = 2;
/** Protocol version that understands CRC headers. */
const CRC_PROTOCOL = 5;

/** Seals messages into packets that never exceed `packetBytesMax`. */
export class Outbox {
  readonly #state: MachineState;
  readonly #parts: Uint8Array[] = [];

  /** Writes packet effects through `state`. */
  constructor(state: MachineState) {
    this.#state = state;
  }

  /** Bytes of messages that one packet can carry now. */
  room(): number {
    return this.#state.config.packetBytesMax - this.#state.packetCodec.overhead();
  }

  /** Sends one message and whatever broadcasts fit beside it. `peer` is the receiver where it is known. */
  send(to: Address, message: Uint8Array, peer: MemberRecord | undefined): void {
    const { broadcasts, userBroadcasts } = this.#state;
    const parts = this.#parts;
    parts.length = 0;
    parts.push(message);
    if (broadcasts.size > 0 || userBroadcasts.size > 0) {
      const room = this.room() - COMPOUND_HEADER - PART_OVERHEAD - message.length;
      this.#fill(peer, room, parts, PARTS_MAX);
    }
    this.#seal(to, parts, peer);
  }

  /** Sends exactly these messages in one packet. */
  sendParts(to: Address, messages: readonly Uint8Array[], peer: MemberRecord | undefined): void {
    this.#seal(to, messages, peer);
  }

  /** Sends what is queued and the peer lacks, as much as one budget holds. */
  sendQueued(peer: MemberRecord): void {
    const parts = this.#parts;
    parts.length = 0;
    const room = this.room();
    this.#fill(peer, room - COMPOUND_HEADER, parts, Infinity);
    // A lone message travels without a compound, so it may be larger than a part.
    if (parts.length === 0) this.#fillOne(peer, room, parts);
    const all = parts.slice();
    for (let at = 0; at < all.length; at += PARTS_MAX) {
      this.#seal(peer.address, all.slice(at, at + PARTS_MAX), peer);
    }
  }

  #fill(peer: MemberRecord | undefined, room: number, parts: Uint8Array[], partsMax: number): void {
    const { broadcasts, userBroadcasts, config } = this.#state;
    const limit = this.#limit();
    const to = this.#recipient(peer);
    let used = 0;
    if (broadcasts.size > 0) {
      const waiting = userBroadcasts.bytes + userBroadcasts.size * PART_OVERHEAD;
      const reserved = Math.min(Math.floor(room * config.userShare), waiting);
      used = broadcasts.take(room - reserved, PART_OVERHEAD, limit, parts, partsMax, to);
      // What is too large for the reduced room must not wait for as long as the application talks.
      if (used === 0 && reserved > 0) {
        used = broadcasts.take(room, PART_OVERHEAD, limit, parts, partsMax, to);
      }
    }
    userBroadcasts.take(room - used, PART_OVERHEAD, limit, parts, partsMax, to);
  }

  #fillOne(peer: MemberRecord, room: number, parts: Uint8Array[]): void {
    const limit = this.#limit();
    const to = this.#recipient(peer);
    this.#state.broadcasts.take(room, 0, limit, parts, 1, to);
    this.#state.userBroadcasts.take(room, 0, limit, parts, 1, to);
  }

  #recipient(peer: MemberRecord | undefined): Recipient | undefined {
    if (peer === undefined) return undefined;
    const { members, self } = this.#state;
    const among = members.live - (self.live ? 1 : 0);
    return { address: peer.address, among, gone: !peer.live };
  }

  #limit(): number {
    return retransmitLimit(this.#state.config.retransmitMult, this.#state.members.size);
  }

  #seal(to: Address, parts: readonly Uint8Array[], peer: MemberRecord | undefined): void {
    const { packetCodec, counters, out } = this.#state;
    const bytes = packetCodec.seal(parts, peer !== undefined && peer.protocolMax >= CRC_PROTOCOL);
    counters.packetsOut++;
    counters.bytesOut += bytes.length;
    out.push({ type: "packet", to, bytes });
  }
}
