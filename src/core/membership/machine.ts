/**
 * The membership machine: HashiCorp memberlist's protocol as a deterministic engine.
 *
 * @module
 */

import type { Address, Machine, Millis } from "../machine.ts";
import type { DropReason, PacketSink } from "../wire/contract.ts";
import type { PacketMessage, StreamMessage } from "../wire/messages.ts";
import { Arrivals } from "./arrivals.ts";
import { AwaitingTable } from "./awaiting.ts";
import type {
  Member,
  MembershipCommand,
  MembershipCounters,
  MembershipEffect,
  MembershipInput,
} from "./contract.ts";
import { Countdown } from "./countdown.ts";
import { snapshotCounters } from "./counters.ts";
import { Gossip } from "./gossip.ts";
import { Joins } from "./joins.ts";
import { LocalHealth } from "./local_health.ts";
import { type MachineParts, MachineState } from "./machine_state.ts";
import { Merger } from "./merger.ts";
import { News } from "./news.ts";
import { Outbox } from "./outbox.ts";
import { Prober } from "./prober.ts";
import { PushPulls } from "./push_pull.ts";
import { Reaper } from "./reaper.ts";
import { Refuter } from "./refuter.ts";
import { Responder } from "./responder.ts";
import { SelfCommands } from "./self_commands.ts";
import { type MembershipSelf, selfRecord } from "./self_record.ts";
import { Streams } from "./streams.ts";
import { Teller } from "./teller.ts";
import { Transitions } from "./transitions.ts";
import { UserMessages } from "./user_messages.ts";

/** What a machine is made of. The same parts, seed included, and the same inputs give the same effects. */
export interface MembershipParts extends MachineParts {
  readonly self: MembershipSelf;
}

/** One node's view of the cluster, and its voice in it. */
export class Membership implements Machine<MembershipInput, MembershipEffect>, PacketSink {
  readonly #state: MachineState;
  readonly #awaiting: AwaitingTable = new AwaitingTable();
  readonly #outbox: Outbox;
  readonly #countdown: Countdown;
  readonly #transitions: Transitions;
  readonly #arrivals: Arrivals;
  readonly #streams: Streams;
  readonly #prober: Prober;
  readonly #responder: Responder;
  readonly #pushPulls: PushPulls;
  readonly #gossip: Gossip;
  readonly #joins: Joins;
  readonly #self: SelfCommands;
  readonly #messages: UserMessages;
  readonly #health: LocalHealth;
  /** Sender and arrival of the packet being read. */
  #from: Address = "";
  #receivedMs: Millis = 0;

  /** Throws `RangeError` for a self that no peer would accept. */
  constructor(parts: MembershipParts) {
    const state = new MachineState(parts, selfRecord(parts.self, parts.config));
    this.#state = state;
    this.#outbox = new Outbox(state);
    const news = new News(state, this.#outbox);
    const refuter = new Refuter(state, news, this.#outbox);
    const teller = new Teller(state, this.#outbox);
    this.#countdown = new Countdown(state);
    this.#transitions = new Transitions(state, news, refuter, this.#countdown);
    this.#countdown.onDeath = (message) => this.#transitions.dead(message, undefined);
    this.#arrivals = new Arrivals(state, news, refuter, this.#countdown, teller);
    this.#streams = new Streams(state);
    this.#streams.onRequest = (stream, from, message) => this.#request(stream, from, message);
    const reaper = new Reaper(state);
    this.#prober = new Prober(
      state,
      this.#awaiting,
      this.#outbox,
      this.#transitions,
      this.#streams,
      reaper,
    );
    this.#responder = new Responder(state, this.#awaiting, this.#outbox);
    const merger = new Merger(state, this.#arrivals, this.#transitions);
    this.#pushPulls = new PushPulls(state, this.#streams, merger);
    this.#gossip = new Gossip(state, this.#outbox);
    this.#joins = new Joins(state, this.#pushPulls);
    this.#self = new SelfCommands(
      state,
      this.#arrivals,
      this.#transitions,
      refuter,
      this.#outbox,
    );
    this.#messages = new UserMessages(state, this.#outbox, this.#streams, this.#awaiting);
    this.#health = new LocalHealth(state, this.#prober, this.#countdown);
  }

  /** All members known, the dead and left not yet reaped included; the same array until something changes. */
  members(): readonly Member[] {
    return this.#state.members.views();
  }

  /** The member of that name. */
  member(name: string): Member | undefined {
    return this.#state.members.get(name)?.view();
  }

  /** Ourselves as others see us. */
  get self(): Member {
    return this.#state.self.view();
  }

  /** Our own health: 0 is well. */
  get healthScore(): number {
    return this.#state.awareness.score;
  }

  /** Counters since start, as they are now. */
  get counters(): MembershipCounters {
    return snapshotCounters(this.#state.counters);
  }

  /** Alive and suspect members, ourselves included. */
  get memberCount(): number {
    return this.#state.members.live;
  }

  /** Broadcasts waiting: news about members, and the application's. */
  get queued(): { readonly members: number; readonly user: number } {
    return { members: this.#state.broadcasts.size, user: this.#state.userBroadcasts.size };
  }

  nextDeadline(): Millis | undefined {
    return this.#state.deadlines.next();
  }

  handle(input: MembershipInput, now: Millis, out: MembershipEffect[]): void {
    this.#state.now = now;
    this.#state.out = out;
    switch (input.type) {
      case "packet":
        this.#packet(input.from, input.bytes, input.queuedMs ?? 0);
        break;
      case "tick":
        this.#tick();
        break;
      case "start":
        this.#self.start();
        this.#prober.start();
        this.#gossip.start();
        this.#pushPulls.start();
        break;
      case "packetFailed":
        this.#prober.sendFailed(input.to);
        break;
      case "accepted":
        this.#streams.accept(input.stream, input.from, input.replying ?? 0);
        break;
      case "connected":
        this.#streams.connected(input.stream);
        break;
      case "streamData":
        this.#streams.data(input.stream, input.bytes);
        break;
      case "streamClosed":
        this.#streams.closed(input.stream, input.error);
        break;
      case "lag":
        this.#health.blocked(input.lagMs);
        break;
      case "command":
        this.#command(input.command);
        break;
    }
    this.#gossip.wake();
  }

  /** Called by the packet codec for every message in a packet. */
  message(message: PacketMessage): void {
    switch (message.type) {
      case "ping":
        return this.#responder.ping(message);
      case "ack":
        return this.#awaiting.ack(message, this.#from, this.#receivedMs);
      case "nack":
        return this.#awaiting.nack(message.seqNo);
      case "indirectPing":
        return this.#responder.indirectPing(message, this.#from);
      case "alive":
        return this.#arrivals.alive(message, this.#from);
      case "suspect":
        return this.#transitions.suspect(message, this.#from);
      case "dead":
        return this.#transitions.dead(message, this.#from);
      case "user":
        return this.#user(this.#from, message.payload, false);
    }
  }

  /** Called by the packet codec for what could not be read. */
  dropped(reason: DropReason): void {
    this.#state.counters.dropped[reason]++;
    this.#state.notice({ type: "dropped", from: this.#from, reason });
  }

  #packet(from: Address, bytes: Uint8Array, queuedMs: Millis): void {
    const { counters, now, packetCodec } = this.#state;
    counters.packetsIn++;
    counters.bytesIn += bytes.length;
    this.#from = from;
    this.#receivedMs = now - queuedMs;
    if (queuedMs > 0) this.#health.queued(queuedMs);
    packetCodec.open(bytes, this);
    this.#responder.flush(from);
  }

  #tick(): void {
    const { deadlines, now } = this.#state;
    const next = deadlines.next();
    if (next !== undefined && next < now) this.#health.blocked(now - next);
    for (let due = deadlines.pop(now); due !== undefined; due = deadlines.pop(now)) due.due();
  }

  #request(stream: number, from: Address, message: StreamMessage): void {
    switch (message.type) {
      case "pushPull":
        this.#pushPulls.answer(stream, from, message);
        return;
      case "ping":
        if (message.node === "" || message.node === this.#state.self.name) {
          this.#streams.reply(stream, { type: "ack", seqNo: message.seqNo, payload: null });
        } else {
          this.#streams.drop(stream);
        }
        return;
      case "user":
        this.#streams.drop(stream);
        if (message.payload.length > 0) this.#user(from, message.payload, true);
        return;
      default:
        this.#streams.drop(stream);
        this.#state.counters.dropped["unknown-type"]++;
        this.#state.notice({ type: "dropped", from, reason: "unknown-type" });
    }
  }

  #user(from: Address, payload: Uint8Array, reliable: boolean): void {
    this.#state.emit({ type: "user", from, payload: payload.slice(), reliable });
  }

  #command(command: MembershipCommand): void {
    switch (command.type) {
      case "join":
        return this.#joins.join(command.op, command.addresses);
      case "leave":
        return this.#self.leave(command.op, command.timeoutMs);
      case "rejoin":
        return this.#self.rejoin(command.op);
      case "setMeta":
        return this.#self.setMeta(command.op, command.meta, command.timeoutMs);
      case "sendBestEffort":
        return this.#messages.sendBestEffort(command.op, command.to, command.payload);
      case "sendReliable":
        return this.#messages.sendReliable(command.op, command.to, command.payload);
      case "userBroadcast":
        return this.#messages.broadcast(command.op, command.payload);
      case "ping":
        return this.#messages.ping(command.op, command.to);
    }
  }
}
