/**
 * The table of open streams: who waits for what, and until when (memberlist.md 2.3, 2.7, 2.8).
 *
 * @module
 */

import type { ClusterErrorCode } from "../errors.ts";
import type { Address, Millis } from "../machine.ts";
import type { StreamReader } from "../wire/contract.ts";
import type { StreamMessage } from "../wire/messages.ts";
import type { Due, MachineState } from "./machine_state.ts";

/** What a dialled stream is for. After `message` or `failed` nothing more comes. */
export interface DialHandler {
  /** The request has been written. */
  connected(): void;
  /** The one reply. */
  message(message: StreamMessage): void;
  /** No reply, and why. */
  failed(code: ClusterErrorCode, detail: string): void;
}

/** Answers a complete request of an accepted stream by `reply` or `drop`. */
export type RequestHandler = (stream: number, from: Address, message: StreamMessage) => void;

class OpenStream implements Due {
  readonly id: number;
  readonly peer: Address;
  readonly reader: StreamReader;
  readonly handler: DialHandler | undefined;
  readonly #table: Streams;
  bytes = 0;

  constructor(
    table: Streams,
    id: number,
    peer: Address,
    reader: StreamReader,
    handler: DialHandler | undefined,
  ) {
    this.#table = table;
    this.id = id;
    this.peer = peer;
    this.reader = reader;
    this.handler = handler;
  }

  due(): void {
    this.#table.expired(this);
  }
}

/** All streams of the machine: accepted ones have negative ids, dialled ones positive. */
export class Streams {
  readonly #state: MachineState;
  readonly #open: Map<number, OpenStream> = new Map();
  #lastId = 0;
  #accepted = 0;
  #acceptedBytes = 0;
  /** Set once by the machine. */
  onRequest: RequestHandler = () => {};

  /** Writes stream effects through `state`. */
  constructor(state: MachineState) {
    this.#state = state;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens a stream and sends a request; `handler` hears of it until `deadlineMs`. */
  dial(to: Address, request: StreamMessage, deadlineMs: Millis, handler: DialHandler): number {
    const { streamCodec, counters, out } = this.#state;
    const id = ++this.#lastId;
    counters.streamsDialled++;
    const open = new OpenStream(this, id, to, streamCodec.replyReader(), handler);
    this.#open.set(id, open);
    this.#state.arm(open, deadlineMs);
    out.push({ type: "dial", stream: id, to, request: streamCodec.request(request) });
    return id;
  }

  /** Gives a dialled stream, once connected, until `deadlineMs` to be answered. */
  extend(stream: number, deadlineMs: Millis): void {
    const open = this.#open.get(stream);
    if (open !== undefined) this.#state.arm(open, deadlineMs);
  }

  /** A peer connected, while `replying` others are still being answered. */
  accept(stream: number, from: Address, replying: number): void {
    const { config, counters, streamCodec, now } = this.#state;
    if (this.#accepted + replying >= config.acceptedStreamsMax || this.#open.has(stream)) {
      counters.streamsRefused++;
      this.#state.out.push({ type: "close", stream });
      return;
    }
    counters.streamsAccepted++;
    this.#accepted++;
    const open = new OpenStream(this, stream, from, streamCodec.requestReader(), undefined);
    this.#open.set(stream, open);
    this.#state.arm(open, now + config.tcpTimeoutMs);
  }

  /** Our request is on its way. */
  connected(stream: number): void {
    this.#open.get(stream)?.handler?.connected();
  }

  /** Bytes came; those of streams we gave up are ignored. */
  data(stream: number, bytes: Uint8Array): void {
    const open = this.#open.get(stream);
    if (open === undefined) return;
    if (open.handler === undefined && !this.#holds(open, bytes.length)) return;
    const progress = open.reader.push(bytes);
    if (progress.type === "more") return;
    if (progress.type === "failed") {
      const { reason, detail, reply } = progress;
      this.#state.counters.dropped[reason]++;
      this.#state.notice({ type: "dropped", from: open.peer, reason });
      if (open.handler === undefined && reply) this.reply(stream, { type: "err", error: detail });
      else this.drop(stream);
      open.handler?.failed("refused", detail);
      return;
    }
    if (open.handler === undefined) {
      this.onRequest(stream, open.peer, progress.message);
    } else {
      this.drop(stream);
      open.handler.message(progress.message);
    }
  }

  /** The stream is gone. */
  closed(stream: number, error: string | undefined): void {
    const open = this.#open.get(stream);
    if (open === undefined) return;
    this.#forget(open);
    open.handler?.failed("unreachable", error ?? "the peer closed the stream without an answer");
  }

  /** Answers an accepted stream; it closes by itself once that is written. */
  reply(stream: number, message: StreamMessage): void {
    const open = this.#open.get(stream);
    if (open === undefined) return;
    this.#forget(open);
    const bytes = this.#state.streamCodec.reply(message);
    this.#state.out.push({ type: "reply", stream, bytes });
  }

  /** Closes a stream without telling its handler. */
  drop(stream: number): void {
    const open = this.#open.get(stream);
    if (open === undefined) return;
    this.#forget(open);
    this.#state.out.push({ type: "close", stream });
  }

  /** Called by a stream whose time is up. */
  expired(open: OpenStream): void {
    if (open.handler === undefined) this.#state.counters.streamsExpired++;
    this.drop(open.id);
    open.handler?.failed("timeout", "the peer did not answer in time");
  }

  /** Counts what an accepted stream holds; closes it when all together hold too much. */
  #holds(open: OpenStream, bytes: number): boolean {
    open.bytes += bytes;
    this.#acceptedBytes += bytes;
    if (this.#acceptedBytes <= this.#state.config.streamBufferBytesMax) return true;
    this.#state.counters.streamsExpired++;
    this.drop(open.id);
    return false;
  }

  #forget(open: OpenStream): void {
    this.#open.delete(open.id);
    this.#state.deadlines.delete(open);
    if (open.handler !== undefined) return;
    this.#accepted--;
    this.#acceptedBytes -= open.bytes;
  }
}
