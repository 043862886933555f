/**
 * A DNS server that says what a test wants, over UDP and TCP.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { decode, encode, type Packet } from "dns-packet";
import {
  type Address,
  type ByteStream,
  type DatagramSocket,
  type DiscoverySession,
  type Frame,
  parseAddress,
  type Runtime,
  type StreamListener,
} from "../../../mod.ts";
import { dnsDiscovery } from "../../../adapters/discovery_dns/dns_discovery.ts";
import { runtimeUnderTest } from "../../runtime_under_test.ts";

export const runtime: Runtime = await runtimeUnderTest();

/** A question as it came. */
export interface Asked {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly edns: boolean;
  readonly over: "udp" | "tcp";
  /** Whom to answer, over UDP. */
  readonly from: Address;
}

/** What goes back: messages over UDP, bytes as they are over TCP; `end` closes the connection. */
export type Rudeness = (asked: Asked) => readonly (Uint8Array | "end")[];

/** The server; disposal stops it. */
export class RudeServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Replaceable at any time. */
  rudeness: Rudeness;
  readonly #socket: DatagramSocket;
  readonly #listener: StreamListener;
  readonly #stray: DatagramSocket;

  private constructor(parts: {
    readonly rudeness: Rudeness;
    readonly socket: (onAsked: (bytes: Uint8Array, from: Address) => void) => DatagramSocket;
    readonly listener: (onStream: (stream: ByteStream) => void) => StreamListener;
    readonly stray: DatagramSocket;
  }) {
    this.rudeness = parts.rudeness;
    this.#stray = parts.stray;
    this.#socket = parts.socket((bytes, from) => {
      for (const message of this.#answer(bytes, "udp", from)) {
        if (message !== "end") this.#socket.send(from, message);
      }
    });
    this.#listener = parts.listener((stream) => void this.#serve(stream));
  }

  /** Starts one. */
  static async start(rudeness: Rudeness): Promise<RudeServer> {
    let onAsked: (bytes: Uint8Array, from: Address) => void = () => {};
    let onStream: (stream: ByteStream) => void = () => {};
    const [socket, listener] = await bothAtOnePort(
      ({ bytes, from }) => onAsked(bytes, from),
      (stream) => onStream(stream),
    );
    const stray = await runtime.datagrams.bind({ ip: "127.0.0.1", port: 0, onFrame: () => {} });
    return new RudeServer({
      rudeness,
      socket: (call) => (onAsked = call, socket),
      listener: (call) => (onStream = call, listener),
      stray,
    });
  }

  get address(): Address {
    return this.#socket.local;
  }

  /** Sends from a port that nobody has asked. */
  sendFromElsewhere(to: Address, bytes: Uint8Array): void {
    this.#stray.send(to, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket[Symbol.asyncDispose]();
    await this.#stray[Symbol.asyncDispose]();
    await this.#listener[Symbol.asyncDispose]();
  }

  #answer(bytes: Uint8Array, over: "udp" | "tcp", from: Address): readonly (Uint8Array | "end")[] {
    const { id = 0, questions, additionals } = decode(Buffer.from(bytes));
    const [{ name, type } = { name: "", type: "A" }] = questions ?? [];
    const edns = additionals?.some((each) => each.type === "OPT") ?? false;
    const asked = { id, name, type, edns, over, from };
    this.asked.push(asked);
    return this.rudeness(asked);
  }

  async #serve(stream: ByteStream): Promise<void> {
    for await (const chunk of stream.chunks) {
      for (const bytes of this.#answer(chunk.subarray(2), "tcp", stream.remote)) {
        if (bytes === "end") return stream.destroy();
        await stream.write(bytes).catch(() => {});
      }
    }
  }
}

/** A port that is free for UDP is not always free for TCP. */
async function bothAtOnePort(
  onFrame: (frame: Frame) => void,
  onStream: (stream: ByteStream) => void,
): Promise<[DatagramSocket, StreamListener]> {
  const ip = "127.0.0.1";
  for (let tries = 1;; tries++) {
    const socket = await runtime.datagrams.bind({ ip, port: 0, onFrame });
    const { port } = parseAddress(socket.local)!;
    try {
      return [socket, await runtime.streams.listen({ ip, port, onStream })];
    } catch (error) {
      await socket[Symbol.asyncDispose]();
      if (tries === 10) throw error;
    }
  }
}

/** An answer to the question with these parts. */
export function reply({ id, name, type }: Asked, parts: Packet = {}): Uint8Array {
  return new Uint8Array(encode({
    type: "response",
    id,
    questions: [{ name, type: type as "A" }],
    ...parts,
  }));
}

/** Addresses for questions about A, nothing for the others; not to be kept. */
export function addresses(asked: Asked, ips: readonly string[], name = asked.name): Uint8Array {
  const of = asked.type === "A" ? ips : [];
  return reply(asked, { answers: of.map((data) => ({ type: "A", name, ttl: 0, data })) });
}

/** The message behind its length. */
export function framed(message: Uint8Array): Uint8Array {
  return Uint8Array.of(message.length >> 8, message.length & 0xff, ...message);
}

/** What a session has told. */
export interface Listening {
  readonly session: DiscoverySession;
  readonly said: { readonly message: string; readonly fields: Record<string, unknown> }[];
}

/** A session that asks `server` for `names`. */
export async function listening(
  server: RudeServer,
  names: readonly string[] = ["gw.test"],
): Promise<Listening & AsyncDisposable> {
  const said: Listening["said"] = [];
  const provider = dnsDiscovery({ names, server: server.address, againMinMs: 20 });
  const session = await provider.open({
    runtime,
    self: {
      nodeId: "gw-1",
      bootId: "1",
      region: "eu",
      ip: "10.0.0.99",
      port: 10101,
      rpcPort: 10102,
      capabilities: [],
      version: "1.0.0",
    },
    gossipKeys: () => [],
    say: (_level, message, fields = {}) => said.push({ message, fields }),
    forgotten: () => {},
  });
  return { session, said, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
}
