/**
 * A link we dial: its phases, and which frame goes next.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { LinkId, LinkState, LinkView, ReplicationEffect } from "./contract.ts";
import { Delivery } from "./delivery.ts";
import { DigestRound } from "./digest_round.ts";
import type { Digest, KeyVersion, LinkFrame, Message, Welcome } from "./frames.ts";
import { isDigestWithin, isPullWithin, type LinkContext } from "./link_host.ts";
import { MessageLane, MESSAGES_CAPABILITY } from "./messages.ts";

/** The machine, as a dialled link sees it. */
export interface OutboundHost extends LinkContext {
  /** A number for a stream of this link. */
  newLink(link: OutboundLink): LinkId;
  /** The peer greeted, or says that it is ready now. */
  welcomed(link: OutboundLink, now: Millis, out: ReplicationEffect[]): void;
  /** A comparison with the peer ended; `atRest`: what differed was not just on its way. */
  compared(link: OutboundLink, differs: boolean, atRest: boolean, now: Millis): void;
}

/** The dialler's side of a directed link. It outlives its streams: what one left unsaid goes on the next. */
export class OutboundLink {
  /** Node id of the peer. */
  readonly peer: string;
  /** The peer's boot id as membership tells it. */
  readonly boot: string;
  /** What the peer has yet to hear. */
  readonly delivery: Delivery;
  /** When to compare digests. */
  readonly digests: DigestRound;
  /** The peer says that it has had its first sync. */
  peerReady = false;
  readonly #host: OutboundHost;
  #link: LinkId | undefined;
  #state: LinkState = "waiting";
  #lastError: string | undefined;
  #attempt = 0;
  /** When waiting, dialling or greeting ends. */
  #phaseEnd: Millis;
  #helloAt: Millis = 0;
  #unsent = 0;
  #lastSendAt: Millis = 0;
  #acks = true;
  #askSnapshot = false;
  #pull: KeyVersion[] = [];
  readonly #messages: MessageLane;
  #takesMessages = false;

  constructor(peer: string, boot: string, host: OutboundHost, now: Millis) {
    this.peer = peer;
    this.boot = boot;
    this.#host = host;
    this.#phaseEnd = now;
    this.delivery = new Delivery(peer, host);
    this.digests = new DigestRound(host);
    this.#messages = new MessageLane(host.counters);
  }

  /** Greeted and in use. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Greeted, and the peer takes messages. */
  get takesMessages(): boolean {
    return this.isOpen && this.#takesMessages;
  }

  /** Sends a message as soon as the stream stands and takes it. */
  message(message: Message, now: Millis, out: ReplicationEffect[]): void {
    this.#messages.push(message);
    this.pump(now, out);
  }

  /** For people. */
  view(): LinkView {
    return {
      peer: this.peer,
      state: this.#state,
      dirty: this.delivery.dirty,
      inFlight: this.delivery.inFlight,
      lastAckMs: this.delivery.lastAckMs,
      refused: this.delivery.refused.size,
      lastError: this.#lastError,
    };
  }

  /** When `tick` is wanted. */
  nextDeadline(now: Millis): Millis | undefined {
    if (this.#state !== "open") return this.#phaseEnd;
    let at = this.#patienceEnd();
    if (this.#unsent === 0) {
      at = Math.min(
        at,
        this.delivery.deadline() ?? Infinity,
        this.digests.deadline(this.delivery.isQuiet, now) ?? Infinity,
      );
    }
    return at === Infinity ? undefined : at;
  }

  /** Does what time asks for. */
  tick(now: Millis, out: ReplicationEffect[]): void {
    if (this.#state === "waiting") {
      if (now >= this.#phaseEnd) this.#dial(now, out);
      return;
    }
    if (this.#state !== "open") {
      if (now >= this.#phaseEnd) this.cut("the peer did not answer in time", now, out);
      return;
    }
    if (now >= this.#patienceEnd()) {
      this.cut("the peer takes nothing", now, out);
      return;
    }
    this.pump(now, out);
  }

  /** The stream stands: greets. */
  opened(now: Millis, out: ReplicationEffect[]): void {
    if (this.#state !== "dialling") return;
    this.#setState("greeting", out);
    this.#phaseEnd = now + this.#host.config.handshakeTimeoutMs;
    this.#helloAt = now;
    this.#send({ case: "hello", value: this.#host.hello(now, false) }, now, out);
  }

  /** The stream is gone; what it carried unacknowledged will be sent again. */
  lost(reason: string, now: Millis, out: ReplicationEffect[]): void {
    const { backoffMinMs, backoffMaxMs } = this.#host.config;
    const pauseMs = Math.min(backoffMaxMs, backoffMinMs * (1 << Math.min(this.#attempt++, 20)));
    this.#phaseEnd = now + this.#host.rng.between(pauseMs / 2, pauseMs);
    this.#link = undefined;
    this.#lastError = reason;
    this.#unsent = 0;
    this.#askSnapshot = false;
    this.#pull = [];
    this.peerReady = false;
    this.delivery.requeue();
    this.digests.reset();
    this.#setState("waiting", out, reason);
  }

  /** Closes the stream and goes on as if it had broken. */
  cut(reason: string, now: Millis, out: ReplicationEffect[]): void {
    if (this.#link !== undefined) out.push({ type: "close", link: this.#link, reason });
    this.lost(reason, now, out);
  }

  /** The peer is gone: closes the stream. The link is not used any more. */
  end(reason: string, out: ReplicationEffect[]): void {
    if (this.#link !== undefined) out.push({ type: "close", link: this.#link, reason });
    this.#link = undefined;
    this.#host.emit({ type: "linkState", peer: this.peer, state: "gone", reason }, out);
  }

  /** Whether a stream is this link's present one. */
  owns(link: LinkId): boolean {
    return this.#link === link;
  }

  /** Wants the peer's state. */
  askSnapshot(now: Millis, out: ReplicationEffect[]): void {
    this.#askSnapshot = true;
    this.pump(now, out);
  }

  /** The stream took a frame. */
  writable(now: Millis, out: ReplicationEffect[]): void {
    if (this.#unsent > 0) this.#unsent--;
    if (!this.#acks && this.#unsent === 0) this.delivery.assumeTaken();
    this.pump(now, out);
  }

  /** A frame of the acceptor. */
  frame({ frame }: LinkFrame, now: Millis, out: ReplicationEffect[]): void {
    if (frame.case === "welcome") return this.#welcome(frame.value, now, out);
    if (this.#state !== "open") return;
    let inOrder = true;
    if (frame.case === "ack") inOrder = this.delivery.ack(frame.value, now, out);
    else if (frame.case === "message") this.#host.received(frame.value, this.peer, out);
    else if (frame.case === "digest") inOrder = this.#digest(frame.value, now);
    else if (frame.case === "pull") {
      inOrder = isPullWithin(frame.value);
      if (inOrder) this.delivery.markPulled(frame.value);
    }
    if (inOrder) return this.pump(now, out);
    this.#host.counters.protocolErrors++;
    this.cut(`the peer sent a "${frame.case}" out of bounds`, now, out);
  }

  /** Sends the next frame if the stream can take one. */
  pump(now: Millis, out: ReplicationEffect[]): void {
    if (this.#state !== "open" || this.#unsent > 0) return;
    if (this.#askSnapshot) {
      this.#askSnapshot = false;
      return this.#send({ case: "hello", value: this.#host.hello(now, true) }, now, out);
    }
    let message = this.#messages.next();
    if (message !== undefined) return this.#send({ case: "message", value: message }, now, out);
    if (this.#pull.length > 0) {
      const keys = this.#pull;
      this.#pull = [];
      return this.#send({ case: "pull", value: { keys, prefixes: [] } }, now, out);
    }
    const digest = this.digests.next(this.delivery.isQuiet, this.peerReady, now);
    if (digest !== undefined) return this.#send({ case: "digest", value: digest }, now, out);
    const batch = this.delivery.next(now);
    if (batch !== undefined) return this.#send({ case: "batch", value: batch }, now, out);
    message = this.#messages.next();
    if (message !== undefined) this.#send({ case: "message", value: message }, now, out);
  }

  /** When a peer that takes or acknowledges nothing is given up. */
  #patienceEnd(): Millis {
    const oldest = this.delivery.oldestSentAt ?? Infinity;
    const since = this.#unsent > 0 ? Math.min(oldest, this.#lastSendAt) : oldest;
    return since + this.#host.config.ackTimeoutMs;
  }

  #dial(now: Millis, out: ReplicationEffect[]): void {
    this.#link = this.#host.newLink(this);
    this.#phaseEnd = now + this.#host.config.handshakeTimeoutMs;
    this.#setState("dialling", out);
    out.push({ type: "open", link: this.#link, peer: this.peer });
  }

  #welcome(welcome: Welcome, now: Millis, out: ReplicationEffect[]): void {
    if (welcome.nodeId !== this.peer) {
      const other = welcome.nodeId.slice(0, 255);
      return this.cut(`the node at its address calls itself "${other}"`, now, out);
    }
    if (this.#state !== "greeting" && this.#state !== "open") return;
    this.peerReady = welcome.ready;
    if (this.#state === "greeting") {
      this.#host.clock.observe(this.peer, this.#helloAt, now, welcome.wallMs);
      this.#acks = welcome.capabilities.includes("ack:v1");
      this.#takesMessages = welcome.capabilities.includes(MESSAGES_CAPABILITY);
      if (!this.#takesMessages) this.#messages.clear();
      this.#attempt = 0;
      this.#lastError = undefined;
      this.delivery.begin(welcome.bootId, welcome.capabilities);
      this.#setState("open", out);
      // Both ends compare on connect. The larger id waits: by then there may be nothing left to find.
      const isFirst = this.#host.config.nodeId < this.peer;
      this.digests.plan(now + (isFirst ? 0 : this.#host.rng.between(500, 1_500)));
    }
    this.#host.welcomed(this, now, out);
    this.pump(now, out);
  }

  #digest(digest: Digest, now: Millis): boolean {
    if (!isDigestWithin(digest)) return false;
    const answer = this.digests.answer(digest, now);
    if (answer === undefined) return true;
    const { findings, finished, differs, quiet, revision } = answer;
    for (const slot of findings.send) this.delivery.mark(slot);
    for (const key of findings.pull) this.#pull.push(key);
    if (!finished) return true;
    // A peer that is not ready compares nothing and says nothing.
    if (revision !== undefined) this.delivery.claims.compared(revision);
    this.#host.compared(this, differs, quiet, now);
    return true;
  }

  #send(frame: LinkFrame["frame"], now: Millis, out: ReplicationEffect[]): void {
    this.#unsent++;
    this.#lastSendAt = now;
    out.push({ type: "send", link: this.#link as LinkId, frame: { frame } });
  }

  #setState(state: LinkState, out: ReplicationEffect[], reason?: string): void {
    this.#state = state;
    const event = { type: "linkState", peer: this.peer, state } as const;
    this.#host.emit(reason === undefined ? event : { ...event, reason }, out);
  }
}
