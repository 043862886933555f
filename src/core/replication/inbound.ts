/**
 * A link a peer dialled: takes in what it says and acknowledges.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import { compareRanges, KEYS_ACCEPTED_MAX, lookCloser, RANGES_PER_FRAME } from "./anti_entropy.ts";
import { Reassembly } from "./chunks.ts";
import type { LinkId, ReplicationEffect } from "./contract.ts";
import type { Delivery } from "./delivery.ts";
import type {
  Batch,
  Digest,
  Hello,
  KeyVersion,
  LinkFrame,
  Message,
  Pull,
  RangeDigest,
  Refusal,
  SnapshotPlace,
  Welcome,
} from "./frames.ts";
import {
  isDigestWithin,
  isPullWithin,
  type LinkContext,
  REFUSALS_ACCEPTED_MAX,
} from "./link_host.ts";

import { LANES } from "./lanes.ts";
import { MessageLane, MESSAGES_CAPABILITY } from "./messages.ts";

/** The machine, as an accepted link sees it. */
export interface InboundHost extends LinkContext {
  /** Our greeting. */
  welcome(now: Millis): Welcome;
  /** The dialler said who it is; `undefined` when it may stay, else why not. */
  greeted(link: InboundLink, now: Millis, out: ReplicationEffect[]): string | undefined;
  /** What we have to say to that peer; `undefined` while membership does not know it. */
  deliveryTo(peer: string): Delivery | undefined;
  /** That peer's link has something new to send. */
  nudge(peer: string, now: Millis, out: ReplicationEffect[]): void;
  /** The peer wants a snapshot. */
  snapshotWanted(link: InboundLink, now: Millis, out: ReplicationEffect[]): void;
  /** Takes a batch of encoded entries. */
  apply(batch: Batch, from: string, now: Millis, out: ReplicationEffect[]): Applied;
}

/** What became of a batch. */
export interface Applied {
  /** Not taken. */
  readonly refused: readonly Refusal[];
  /** Everything was taken, or was forgotten here for good reason. */
  readonly isWhole: boolean;
}

/** The acceptor's side of a directed link; lives as long as its stream. */
export class InboundLink {
  readonly link: LinkId;
  /** Who dialled, once it said so. */
  peer: string | undefined;
  /** Its boot id. */
  boot = "";
  /** It asked for our state and we have not begun to send it. */
  wantsSnapshot = false;
  /** From where. */
  resume: SnapshotPlace | undefined;
  readonly #host: InboundHost;
  readonly #greetBy: Millis;
  #unsent = 0;
  #lastSendAt: Millis = 0;
  #sequence = 0;
  #welcomeDue = false;
  #ackDue = false;
  #refused: Refusal[] = [];
  #pull: KeyVersion[] = [];
  #answer: RangeDigest[] | undefined;
  /** Nothing was refused on this stream, so that what the peer claims of it holds. */
  #believes = true;
  readonly #reassembly: Reassembly;
  readonly #messages: MessageLane;
  #takesMessages = false;

  constructor(link: LinkId, host: InboundHost, now: Millis) {
    this.link = link;
    this.#host = host;
    this.#greetBy = now + host.config.handshakeTimeoutMs;
    this.#reassembly = new Reassembly(host.config.valueBytesMax);
    this.#messages = new MessageLane(host.counters);
  }

  /** Greeted, and the peer takes messages. */
  get takesMessages(): boolean {
    return this.#takesMessages;
  }

  /** Sends a message as soon as the stream takes it. */
  message(message: Message, now: Millis, out: ReplicationEffect[]): void {
    this.#messages.push(message);
    this.pump(now, out);
  }

  /** When `expired` may turn true. */
  get deadline(): Millis | undefined {
    if (this.peer === undefined) return this.#greetBy;
    return this.#unsent > 0 ? this.#lastSendAt + this.#host.config.ackTimeoutMs : undefined;
  }

  /** Said nothing, or takes nothing, for too long. */
  isExpired(now: Millis): boolean {
    const deadline = this.deadline;
    return deadline !== undefined && now >= deadline;
  }

  /** Tells the dialler who we are and whether we are ready. */
  sayWelcome(now: Millis, out: ReplicationEffect[]): void {
    this.#welcomeDue = true;
    this.pump(now, out);
  }

  /** The stream took a frame. */
  writable(now: Millis, out: ReplicationEffect[]): void {
    if (this.#unsent > 0) this.#unsent--;
    this.pump(now, out);
  }

  /** A frame of the dialler; answers why the link has to be closed, if it has to be. */
  frame({ frame }: LinkFrame, now: Millis, out: ReplicationEffect[]): string | undefined {
    if (frame.case === "hello") return this.#hello(frame.value, now, out);
    if (frame.case === undefined) return undefined;
    if (this.peer === undefined) return `it sent a "${frame.case}" before its greeting`;
    if (frame.case === "batch") return this.#batch(frame.value, this.peer, now, out);
    if (frame.case === "digest") return this.#digest(frame.value, this.peer, now, out);
    if (frame.case === "pull") return this.#pulled(frame.value, this.peer, now, out);
    if (frame.case === "message") this.#host.received(frame.value, this.peer, out);
    return undefined;
  }

  /** Sends the next frame if the stream can take one. */
  pump(now: Millis, out: ReplicationEffect[]): void {
    if (this.#unsent > 0) return;
    if (this.#welcomeDue) {
      this.#welcomeDue = false;
      this.#send({ case: "welcome", value: this.#host.welcome(now) }, now, out);
    } else if (this.#ackDue) {
      const refused = this.#refused;
      this.#ackDue = false;
      this.#refused = [];
      const wallMs = this.#host.clock.wall(now);
      this.#send({ case: "ack", value: { sequence: this.#sequence, refused, wallMs } }, now, out);
    } else {
      const next = this.#nextMessage() ?? this.#nextOfState() ?? this.#nextMessage();
      if (next !== undefined) this.#send(next, now, out);
    }
  }

  #nextMessage(): LinkFrame["frame"] | undefined {
    const value = this.#messages.next();
    return value && { case: "message", value };
  }

  #nextOfState(): LinkFrame["frame"] | undefined {
    if (this.#pull.length > 0) {
      const keys = this.#pull;
      this.#pull = [];
      return { case: "pull", value: { keys, prefixes: [] } };
    }
    if (this.#answer === undefined) return undefined;
    const ranges = this.#answer;
    this.#answer = undefined;
    return { case: "digest", value: { ranges } };
  }

  #hello(hello: Hello, now: Millis, out: ReplicationEffect[]): string | undefined {
    if (this.peer === undefined) {
      this.peer = hello.nodeId;
      this.boot = hello.bootId;
      const objection = this.#host.greeted(this, now, out);
      if (objection !== undefined) return objection;
      this.#takesMessages = hello.capabilities.includes(MESSAGES_CAPABILITY);
      this.sayWelcome(now, out);
    } else if (this.peer !== hello.nodeId || this.boot !== hello.bootId) {
      return "it changed its name";
    }
    if (hello.wantSnapshot) {
      this.wantsSnapshot = true;
      const { resume } = hello;
      this.resume = resume !== undefined && resume.lane < LANES ? resume : undefined;
      this.#host.snapshotWanted(this, now, out);
    }
    return undefined;
  }

  #batch(
    batch: Batch,
    peer: string,
    now: Millis,
    out: ReplicationEffect[],
  ): string | undefined {
    if (batch.sequence !== this.#sequence + 1) {
      return `batch ${batch.sequence} follows batch ${this.#sequence}`;
    }
    const completed: Uint8Array[] = [];
    for (const chunk of batch.chunks ?? []) {
      const result = this.#reassembly.add(chunk);
      if (typeof result === "string") return result;
      if (result !== undefined) completed.push(result);
    }
    const whole = completed.length === 0
      ? batch
      : { ...batch, entries: [...batch.entries, ...completed] };
    const { refused, isWhole } = this.#host.apply(whole, peer, now, out);
    if (this.#refused.length + refused.length > REFUSALS_ACCEPTED_MAX) {
      return "it does not take its refusals";
    }
    for (const refusal of refused) this.#refused.push(refusal);
    this.#sequence = batch.sequence;
    if (!isWhole) this.#believes = false;
    if (this.#believes) this.#agree(batch);
    this.#ackDue = true;
    this.pump(now, out);
    return undefined;
  }

  #agree({ number = 0, agreed = [] }: Batch): void {
    const table = this.#host.agreed;
    if (number > 0) table.raise(this.boot, number);
    for (const row of agreed) if (row.number > 0) table.raise(row.boot, row.number);
  }

  #digest(
    digest: Digest,
    peer: string,
    now: Millis,
    out: ReplicationEffect[],
  ): string | undefined {
    if (!isDigestWithin(digest)) return "its digest is out of bounds";
    if (this.#answer !== undefined) return "it does not wait for the answer to its digest";
    // Without a first sync there is nothing to compare: an empty answer ends the comparison.
    this.#answer = [];
    if (this.#host.synced) {
      const { store } = this.#host;
      const findings = compareRanges(
        store,
        digest.ranges,
        (version) => {
          const isAcceptable = this.#host.isAcceptable(version, now);
          // What is not asked for now is not had.
          if (!isAcceptable) this.#believes = false;
          return isAcceptable;
        },
      );
      for (const prefix of findings.descend.slice(0, RANGES_PER_FRAME + 16)) {
        for (const range of lookCloser(store, prefix)) this.#answer.push(range);
      }
      for (const key of findings.pull) {
        if (this.#pull.length < KEYS_ACCEPTED_MAX) this.#pull.push(key);
      }
      if (findings.send.length > 0) {
        const delivery = this.#host.deliveryTo(peer);
        for (const slot of findings.send) delivery?.mark(slot);
        this.#host.nudge(peer, now, out);
      }
    }
    this.pump(now, out);
    return undefined;
  }

  #pulled(pull: Pull, peer: string, now: Millis, out: ReplicationEffect[]): string | undefined {
    if (!isPullWithin(pull)) return "its pull is out of bounds";
    this.#host.deliveryTo(peer)?.markPulled(pull);
    this.#host.nudge(peer, now, out);
    return undefined;
  }

  #send(frame: LinkFrame["frame"], now: Millis, out: ReplicationEffect[]): void {
    this.#unsent++;
    this.#lastSendAt = now;
    out.push({ type: "send", link: this.link, frame: { frame } });
  }
}
