/**
 * The application's own messages and pings (memberlist.md 4.8, 4.10).
 *
 * @module
 */

import type { Address, Millis } from "../machine.ts";
import type { Ack } from "../wire/messages.ts";
import type { Awaiting, AwaitingTable } from "./awaiting.ts";
import type { Due, MachineState } from "./machine_state.ts";
import type { MemberRecord } from "./member_record.ts";
import type { Outbox } from "./outbox.ts";
import type { Streams } from "./streams.ts";

/** Largest message on a stream (memberlist.md 5, constants). */
const RELIABLE_BYTES_MAX = 20_971_520;

/** A ping the application asked for. */
class SinglePing implements Awaiting, Due {
  readonly #messages: UserMessages;
  readonly #op: number;
  readonly #to: string;
  readonly #sentMs: Millis;
  readonly seqNo: number;

  constructor(messages: UserMessages, op: number, to: string, seqNo: number, sentMs: Millis) {
    this.#messages = messages;
    this.#op = op;
    this.#to = to;
    this.seqNo = seqNo;
    this.#sentMs = sentMs;
  }

  acked(_ack: Ack, _from: Address, receivedMs: Millis): void {
    this.#messages.pinged(this, this.#op, Math.max(0, receivedMs - this.#sentMs));
  }

  nacked(): void {}

  due(): void {
    this.#messages.unanswered(this, this.#op, this.#to);
  }
}

/** Sends what the application wants sent. */
export class UserMessages {
  readonly #state: MachineState;
  readonly #outbox: Outbox;
  readonly #streams: Streams;
  readonly #awaiting: AwaitingTable;

  /** Answers to pings are awaited in `awaiting`. */
  constructor(
    state: MachineState,
    outbox: Outbox,
    streams: Streams,
    awaiting: AwaitingTable,
  ) {
    this.#state = state;
    this.#outbox = outbox;
    this.#streams = streams;
    this.#awaiting = awaiting;
  }

  /** One packet, no confirmation. */
  sendBestEffort(op: number, to: string, payload: Uint8Array): void {
    const record = this.#member(op, to);
    if (record === undefined) return;
    const bytes = this.#encode(payload, "send a packet", op);
    if (bytes === undefined) return;
    this.#outbox.sendParts(record.address, [bytes], record);
    this.#state.settle(op, { ok: true });
  }

  /** One stream; settled once written, then left open until the peer has read it and closes. */
  sendReliable(op: number, to: string, payload: Uint8Array): void {
    const record = this.#member(op, to);
    if (record === undefined) return;
    if (payload.length > RELIABLE_BYTES_MAX) {
      this.#tooLarge(op, "send a message", payload.length, RELIABLE_BYTES_MAX);
      return;
    }
    const { now, config } = this.#state;
    const deadlineMs = now + config.tcpTimeoutMs;
    let written = false;
    const stream = this.#streams.dial(record.address, { type: "user", payload }, deadlineMs, {
      connected: () => {
        if (written) return;
        written = true;
        this.#state.settle(op, { ok: true });
        this.#streams.extend(stream, this.#state.now + config.tcpTimeoutMs);
      },
      message: () => {
        if (!written) this.#state.settle(op, { ok: true });
      },
      failed: (code, detail) => {
        if (!written) this.#state.fail(op, code, `Cannot send to ${JSON.stringify(to)}: ${detail}`);
      },
    });
  }

  /** Queues a message for gossip. */
  broadcast(op: number | undefined, payload: Uint8Array): void {
    const bytes = this.#encode(payload, "broadcast a message", op);
    if (bytes === undefined) return;
    this.#state.counters.queueOverflow += this.#state.userBroadcasts.add(undefined, bytes);
    if (op !== undefined) this.#state.settle(op, { ok: true });
  }

  /** One direct ping. */
  ping(op: number, to: string): void {
    const record = this.#member(op, to);
    if (record === undefined) return;
    const { self, now, config, encode } = this.#state;
    const seqNo = this.#state.nextSeqNo();
    const ping = new SinglePing(this, op, to, seqNo, now);
    this.#awaiting.set(seqNo, ping);
    this.#state.arm(ping, now + config.probeTimeoutMs);
    const bytes = encode({
      type: "ping",
      seqNo,
      node: record.name,
      sourceAddr: self.addr,
      sourcePort: self.port,
      sourceNode: self.name,
    });
    this.#outbox.send(record.address, bytes, record);
  }

  /** Called by a ping: answered. */
  pinged(ping: SinglePing, op: number, rttMs: Millis): void {
    this.#state.deadlines.delete(ping);
    this.#state.settle(op, { ok: true, rttMs });
  }

  /** Called by a ping: its time is up. */
  unanswered(ping: SinglePing, op: number, to: string): void {
    this.#awaiting.delete(ping.seqNo);
    const { probeTimeoutMs } = this.#state.config;
    const message = `Cannot ping ${JSON.stringify(to)}: no response within ${probeTimeoutMs} ms`;
    this.#state.fail(op, "timeout", message);
  }

  #member(op: number, name: string): MemberRecord | undefined {
    const record = this.#state.members.get(name);
    if (record !== undefined) return record;
    const message = `Cannot reach ${JSON.stringify(name)}: there is no member of that name`;
    this.#state.fail(op, "unknown-member", message);
    return undefined;
  }

  /** The message as a part; refused when no packet can carry it. */
  #encode(payload: Uint8Array, action: string, op: number | undefined): Uint8Array | undefined {
    const room = this.#outbox.room() - 1;
    if (payload.length <= room) return this.#state.encode({ type: "user", payload });
    this.#state.counters.broadcastsRefused++;
    if (op !== undefined) this.#tooLarge(op, action, payload.length, room);
    return undefined;
  }

  #tooLarge(op: number, action: string, bytes: number, limit: number): void {
    this.#state.fail(
      op,
      "too-large",
      `Cannot ${action} of ${bytes} bytes: the limit is ${limit}, shorten it or send it reliably`,
    );
  }
}
