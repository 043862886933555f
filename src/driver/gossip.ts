/**
 * Moves bytes between the membership machine and the sockets; decides nothing.
 *
 * @module
 */

import { parseAddress } from "../core/address.ts";
import { ClusterError } from "../core/errors.ts";
import type { Address, Machine, Millis } from "../core/machine.ts";
import type {
  MembershipCommand,
  MembershipEffect,
  MembershipEvent,
  MembershipInput,
  MembershipResult,
} from "../core/membership/contract.ts";
import type { DatagramSocket } from "../ports/datagrams.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { ByteStream, StreamListener } from "../ports/streams.ts";
import { drive, type Driven } from "./drive.ts";
import { type LagMeter, meterLag } from "./lag_meter.ts";

/** What the gossip plane needs to run. */
export interface GossipOptions {
  readonly runtime: Pick<Runtime, "clock" | "datagrams" | "streams">;
  /** The local IP to bind. */
  readonly ip: string;
  /** UDP and TCP port; 0 lets the system choose one that both can have. */
  readonly port: number;
  /** Makes the machine once the real port is known. */
  readonly machine: (port: number) => Machine<MembershipInput, MembershipEffect>;
  readonly onEvent: (event: MembershipEvent) => void;
  /** How long a dialled connection may take. @default {10000} */
  readonly dialTimeoutMs?: Millis;
  /** How long a peer may take to take what it asked for. @default {10000} */
  readonly replyTimeoutMs?: Millis;
}

/** A command without its token; the plane adds it. */
export type GossipCommand = WithoutOp<MembershipCommand>;
type WithoutOp<C> = C extends unknown ? Omit<C, "op"> : never;

/** What a successful operation brought. */
export type GossipOutcome = Extract<MembershipResult, { readonly ok: true }>;

/** The running gossip plane. Disposal closes the sockets and sends nothing; leave first to be polite. */
export interface GossipPlane extends AsyncDisposable {
  /** The port both sockets are bound to. */
  readonly port: number;
  /** Milliseconds since the last packet of an address; `undefined`: none came. */
  heardAgoMs(from: Address): Millis | undefined;
  /** Runs one operation; rejects with `ClusterError`, `closed` after disposal. */
  run(command: GossipCommand): Promise<GossipOutcome>;
}

/**
 * Binds both sockets, starts the machine and keeps it running. Rejects with `bind-failed` naming the port, or with what
 * `machine` threw; nothing stays open then.
 */
export async function startGossip(options: GossipOptions): Promise<GossipPlane> {
  const plane = new Plane(options);
  try {
    await plane.open();
    return plane;
  } catch (error) {
    await plane[Symbol.asyncDispose]();
    throw error;
  }
}

/** Addresses whose last packet is remembered. */
const HEARD_MAX = 4_096;

/** Bind attempts when the system chooses the port (memberlist.md 4.11). */
const BIND_ATTEMPTS = 10;

class Plane implements GossipPlane {
  readonly #options: GossipOptions;
  readonly #streams: Map<number, ByteStream> = new Map();
  readonly #dialling: Map<number, AbortController> = new Map();
  /** Accepted streams that the machine is done with and whose reply is not out yet. */
  readonly #replying: Set<ByteStream> = new Set();
  readonly #heard: Map<Address, Millis> = new Map();
  readonly #waiting: Map<number, (result: MembershipResult) => void> = new Map();
  #datagrams: DatagramSocket | undefined;
  #listener: StreamListener | undefined;
  #driven: Driven<MembershipInput> | undefined;
  #lag: LagMeter | undefined;
  #nextOp = 1;
  #nextAccepted = -1;
  #port = 0;
  #closed: Promise<void> | undefined;

  constructor(options: GossipOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    const { runtime, onEvent } = this.#options;
    await this.#bind();
    const machine = this.#options.machine(this.#port);
    this.#driven = drive(machine, runtime.clock, (effect) => this.#perform(effect, onEvent));
    this.#lag = meterLag(runtime.clock, (lagMs) => this.#step({ type: "lag", lagMs }));
    this.#step({ type: "start" });
  }

  heardAgoMs(from: Address): Millis | undefined {
    const heardMs = this.#heard.get(from);
    return heardMs === undefined ? undefined : this.#options.runtime.clock.now() - heardMs;
  }

  run(command: GossipCommand): Promise<GossipOutcome> {
    const op = this.#nextOp++;
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(closed(command.type));
      this.#waiting.set(op, (result) => {
        if (result.ok) resolve(result);
        else reject(new ClusterError(result.code, result.message));
      });
      this.#step({ type: "command", command: { ...command, op } as MembershipCommand });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#lag?.stop();
    this.#driven?.stop();
    for (const controller of this.#dialling.values()) controller.abort();
    // Forgotten as well: a dial that has succeeded meanwhile must not keep its stream.
    this.#dialling.clear();
    for (const stream of [...this.#streams.values(), ...this.#replying]) stream.destroy();
    this.#streams.clear();
    const unanswered = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const settle of unanswered) {
      settle({
        ok: false,
        code: "closed",
        message: "Cannot finish the operation: the node was closed",
      });
    }
    await Promise.all([
      this.#datagrams?.[Symbol.asyncDispose](),
      this.#listener?.[Symbol.asyncDispose](),
    ]);
  }

  /** TCP chooses when the port is 0; UDP must get the same number. */
  async #bind(): Promise<void> {
    const { runtime, ip, port } = this.#options;
    for (let attempt = 1;; attempt++) {
      const listener = await runtime.streams.listen({
        ip,
        port,
        onStream: (stream) => this.#accept(stream),
      });
      const chosen = parseAddress(listener.local)?.port ?? port;
      try {
        this.#datagrams = await runtime.datagrams.bind({
          ip,
          port: chosen,
          onFrame: (frame) => {
            this.#hear(frame.from, frame.receivedMs);
            this.#step({
              type: "packet",
              from: frame.from,
              bytes: frame.bytes,
              queuedMs: this.#queuedMs(frame.receivedMs),
            });
          },
          onSendError: (to) => this.#step({ type: "packetFailed", to }),
        });
        this.#listener = listener;
        this.#port = chosen;
        return;
      } catch (error) {
        await listener[Symbol.asyncDispose]();
        if (port !== 0 || attempt === BIND_ATTEMPTS) throw error;
      }
    }
  }

  /** Of the many addresses that anybody may forge, the first ones are remembered. */
  #hear(from: Address, receivedMs: Millis): void {
    if (this.#heard.size < HEARD_MAX || this.#heard.has(from)) this.#heard.set(from, receivedMs);
  }

  /** No runtime tells when the kernel had it; a loop that is late has kept it waiting for up to that long. */
  #queuedMs(receivedMs: Millis): Millis {
    const handedOverMs = this.#options.runtime.clock.now() - receivedMs;
    return Math.max(handedOverMs, this.#lag?.overdueMs() ?? 0);
  }

  #step(input: MembershipInput): void {
    this.#driven?.step(input);
  }

  #perform(effect: MembershipEffect, onEvent: (event: MembershipEvent) => void): void {
    switch (effect.type) {
      case "packet":
        this.#datagrams?.send(effect.to, effect.bytes);
        return;
      case "dial":
        void this.#dial(effect.stream, effect.to, effect.request);
        return;
      case "reply":
        void this.#reply(effect.stream, effect.bytes);
        return;
      case "close":
        this.#drop(effect.stream);
        return;
      case "settled": {
        const settle = this.#waiting.get(effect.op);
        this.#waiting.delete(effect.op);
        settle?.(effect.result);
        return;
      }
      case "event":
        onEvent(effect.event);
        return;
    }
  }

  #accept(stream: ByteStream): void {
    if (this.#driven === undefined || this.#closed !== undefined) return stream.destroy();
    const id = this.#nextAccepted--;
    this.#streams.set(id, stream);
    const replying = this.#replying.size;
    this.#step({ type: "accepted", stream: id, from: stream.remote, replying });
    void this.#pump(id, stream);
  }

  async #dial(id: number, to: Address, request: Uint8Array): Promise<void> {
    const controller = new AbortController();
    this.#dialling.set(id, controller);
    try {
      const stream = await this.#options.runtime.streams.dial(to, {
        timeoutMs: this.#options.dialTimeoutMs ?? 10_000,
        signal: controller.signal,
      });
      if (!this.#dialling.delete(id)) return stream.destroy();
      this.#streams.set(id, stream);
      await stream.write(request);
      if (!this.#streams.has(id)) return;
      this.#step({ type: "connected", stream: id });
      await this.#pump(id, stream);
    } catch (error) {
      const known = this.#dialling.delete(id) || this.#streams.has(id);
      this.#drop(id);
      if (known) this.#step({ type: "streamClosed", stream: id, error: messageOf(error) });
    }
  }

  async #pump(id: number, stream: ByteStream): Promise<void> {
    let error: string | undefined;
    try {
      for await (const bytes of stream.chunks) {
        if (!this.#streams.has(id)) return;
        this.#step({ type: "streamData", stream: id, bytes });
      }
    } catch (caught) {
      error = messageOf(caught);
    }
    if (!this.#streams.has(id)) return;
    this.#step({ type: "streamClosed", stream: id, ...(error === undefined ? {} : { error }) });
    this.#drop(id);
  }

  /** Whoever asks and does not read must not hold a stream and the reply for ever. */
  async #reply(id: number, bytes: Uint8Array): Promise<void> {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    this.#replying.add(stream);
    const { runtime: { clock }, replyTimeoutMs = 10_000 } = this.#options;
    const disarm = clock.alarm(clock.now() + replyTimeoutMs, () => stream.destroy());
    try {
      await stream.write(bytes);
      await stream.close();
    } catch {
      stream.destroy();
    } finally {
      disarm();
      this.#replying.delete(stream);
    }
  }

  #drop(id: number): void {
    this.#dialling.get(id)?.abort();
    this.#dialling.delete(id);
    this.#streams.get(id)?.destroy();
    this.#streams.delete(id);
  }
}

function closed(operation: string): ClusterError {
  return new ClusterError("closed", `Cannot run ${JSON.stringify(operation)}: the node is closed`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
