/**
 * Answers to pings, and pings on behalf of others (memberlist.md 4.3).
 *
 * @module
 */

import { acceptableAddress } from "./admission.ts";
import { bytesToIp, formatAddress, sameIp } from "../address.ts";
import type { Address, Millis } from "../machine.ts";
import type { Ack, IndirectPing, Ping } from "../wire/messages.ts";
import type { Awaiting, AwaitingTable } from "./awaiting.ts";
import type { Due, MachineState } from "./machine_state.ts";
import type { MemberRecord } from "./member_record.ts";
import type { Outbox } from "./outbox.ts";

/** Share of the probe timeout after which a helper admits failure, so that the nack is there in time (Lifeguard). */
const NACK_SHARE = 0.8;

/** Where an answer goes. */
interface Destination {
  readonly address: Address;
  readonly peer: MemberRecord | undefined;
}

/** Pings a target for somebody else. */
class Relay implements Awaiting, Due {
  readonly seqNo: number;
  readonly #responder: Responder;
  readonly #request: IndirectPing;
  readonly #requester: Destination;
  readonly #endMs: Millis;
  #nacked = false;

  constructor(
    responder: Responder,
    seqNo: number,
    request: IndirectPing,
    requester: Destination,
    endMs: Millis,
  ) {
    this.#responder = responder;
    this.seqNo = seqNo;
    this.#request = request;
    this.#requester = requester;
    this.#endMs = endMs;
  }

  acked(): void {
    this.#responder.ended(this);
    const { seqNo } = this.#request;
    this.#responder.send(this.#requester, { type: "ack", seqNo, payload: null });
  }

  nacked(): void {}

  due(): void {
    if (!this.#request.nack || this.#nacked) {
      this.#responder.ended(this);
      return;
    }
    this.#nacked = true;
    const { seqNo } = this.#request;
    this.#responder.send(this.#requester, { type: "nack", seqNo });
    // An ack may still come in the last fifth, and is worth more than the nack.
    this.#responder.wait(this, this.#endMs);
  }
}

/** Answers what asks for an answer, within bounds that make us useless as a reflector. */
export class Responder {
  readonly #state: MachineState;
  readonly #awaiting: AwaitingTable;
  readonly #outbox: Outbox;
  readonly #pings: Ping[] = [];
  #relays = 0;

  /** Relayed pings are awaited in `awaiting`. */
  constructor(state: MachineState, awaiting: AwaitingTable, outbox: Outbox) {
    this.#state = state;
    this.#awaiting = awaiting;
    this.#outbox = outbox;
  }

  /** Notes a ping, to be answered once its packet has been read: an accusation beside it is then refuted in the ack. */
  ping(ping: Ping): void {
    if (ping.node === "" || ping.node === this.#state.self.name) this.#pings.push(ping);
  }

  /** Answers the pings of the packet that came from `from`. */
  flush(from: Address): void {
    if (this.#pings.length === 0) return;
    const { delegate } = this.#state;
    for (const ping of this.#pings) {
      const to = this.#destination(ping, from);
      if (to === undefined) continue;
      const payload = delegate.ackPayload?.() ?? null;
      this.send(to, { type: "ack", seqNo: ping.seqNo, payload });
    }
    this.#pings.length = 0;
  }

  /** Pings a target for a peer. */
  indirectPing(request: IndirectPing, from: Address): void {
    const { config, self, now, counters, members, encode } = this.#state;
    const requester = this.#destination(request, from);
    if (requester === undefined || !acceptableAddress(request.target)) return;
    const port = request.port === 0 || config.protocolVersion === 1 ? self.port : request.port;
    const known = members.get(request.node);
    const member = known?.port === port && sameIp(known.addr, request.target) ? known : undefined;
    const affordable = this.#relays < config.relaysMax;
    if (!affordable || (member === undefined && !this.#state.unsolicited.take(now))) {
      counters.reflectionsRefused++;
      return;
    }
    const seqNo = this.#state.nextSeqNo();
    const relay = new Relay(this, seqNo, request, requester, now + config.probeTimeoutMs);
    this.#relays++;
    this.#awaiting.set(seqNo, relay);
    this.wait(relay, now + config.probeTimeoutMs * (request.nack ? NACK_SHARE : 1));
    const bytes = encode({
      type: "ping",
      seqNo,
      node: request.node,
      sourceAddr: self.addr,
      sourcePort: self.port,
      sourceNode: self.name,
    });
    const to = member?.address ?? formatAddress(bytesToIp(request.target) as string, port);
    this.#outbox.send(to, bytes, member);
  }

  /** Sends an answer, with broadcasts beside it. */
  send(to: Destination, message: Ack | { readonly type: "nack"; readonly seqNo: number }): void {
    this.#outbox.send(to.address, this.#state.encode(message), to.peer);
  }

  /** Called by a relay: arms its next step. */
  wait(relay: Relay, at: Millis): void {
    this.#state.arm(relay, at);
  }

  /** Called by a relay: it is done. */
  ended(relay: Relay): void {
    this.#relays--;
    this.#awaiting.delete(relay.seqNo);
    this.#state.deadlines.delete(relay);
  }

  /** Source fields when they name a usable place, else the sender; `undefined` when we had better not answer. */
  #destination(message: Ping | IndirectPing, from: Address): Destination | undefined {
    const { members, counters, config, unsolicited, now } = this.#state;
    const { sourceAddr, sourcePort = 0, sourceNode = "" } = message;
    if (sourceNode === "" && config.requireNodeNames) {
      counters.reflectionsRefused++;
      return undefined;
    }
    const peer = sourceNode === "" ? undefined : members.get(sourceNode);
    if (sourceAddr === undefined || sourcePort === 0 || !acceptableAddress(sourceAddr)) {
      return { address: from, peer: peer?.address === from ? peer : undefined };
    }
    if (peer?.port === sourcePort && sameIp(peer.addr, sourceAddr)) {
      return { address: peer.address, peer };
    }
    const address = formatAddress(bytesToIp(sourceAddr) as string, sourcePort);
    if (address === from || unsolicited.take(now)) return { address, peer: undefined };
    counters.reflectionsRefused++;
    return undefined;
  }
}
