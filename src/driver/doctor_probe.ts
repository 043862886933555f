/**
 * Tries everything that a peer has to answer, from sockets of its own, and leaves no trace there.
 *
 * @module
 */

import { bytesToIp, formatAddress, ipToBytes, parseAddress } from "../core/address.ts";
import { ClusterError } from "../core/errors.ts";
import type { Attempt, PeerFindings } from "../core/health/doctor.ts";
import type { Address, Millis, WallMillis } from "../core/machine.ts";
import type { LinkFrame } from "../core/replication/frames.ts";
import type { PacketCodec, StreamCodec } from "../core/wire/contract.ts";
import { encodeMessage } from "../core/wire/encode.ts";
import type { PushPull, PushPullNode } from "../core/wire/messages.ts";
import type { DatagramSocket } from "../ports/datagrams.ts";
import type { RpcSecurity } from "../ports/rpc.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { ByteStream } from "../ports/streams.ts";
import { decodeNodeMeta } from "./node_meta.ts";

/** What probes are made with. */
export interface ProbeOptions {
  readonly runtime: Runtime;
  readonly packetCodec: PacketCodec;
  readonly streamCodec: StreamCodec;
  readonly security: RpcSecurity;
  /** Our gossip address, for peers to probe. */
  readonly self: Address;
  /** The local IP to send from. */
  readonly bindIp: string;
  /** For connecting and each answer. */
  readonly timeoutMs: Millis;
}

/** As many tell a loss of a few percent. */
const PINGS = 20;
/** Apart, so that no queue overflows for our sake. */
const PING_EVERY_MS: Millis = 15;
/** The largest packet of gossip. */
const PACKET_BYTES = 1_400;
const LARGE_PACKETS = 3;
/** Helpers answer within a second. */
const BACK_MS: Millis = 2_500;

/** Probes of many peers, over one UDP socket. Disposal closes it. */
export class DoctorProbe implements AsyncDisposable {
  readonly #options: ProbeOptions;
  readonly #waiting: Map<number, (type: "ack" | "nack") => void> = new Map();
  #socket: DatagramSocket | undefined;
  #seqNo: number;

  private constructor(options: ProbeOptions) {
    this.#options = options;
    // Far from those of a node that starts at 1 and may be on this machine.
    this.#seqNo = 1_000_000_000 + (options.runtime.entropy.seed() % 1_000_000_000);
  }

  /** Binds the socket; rejects with `bind-failed`. */
  static async open(options: ProbeOptions): Promise<DoctorProbe> {
    const probe = new DoctorProbe(options);
    probe.#socket = await options.runtime.datagrams.bind({
      ip: options.bindIp,
      port: 0,
      onFrame: ({ bytes }) => probe.#frame(bytes),
    });
    return probe;
  }

  /** Tries everything with the peer at a gossip address. */
  async examine(address: Address): Promise<{
    readonly findings: PeerFindings;
    /** Whom the peer holds for alive. */
    readonly members: readonly Address[];
  }> {
    const [over, udp] = await Promise.all([this.#tcp(address), this.#pings(address)]);
    const row = ownRow(over.state, address);
    const meta = row?.meta === undefined || row.meta === null
      ? undefined
      : decodeNodeMeta(row.meta);
    const ip = parseAddress(address)?.ip ?? "";
    const rpcAddress = meta === undefined || meta.rpcPort === 0
      ? undefined
      : formatAddress(meta.rpcHost === "" ? ip : meta.rpcHost, meta.rpcPort);
    const [udpLarge, udpBack, rpc] = await Promise.all([
      udp.answered > 0 ? this.#large(address) : undefined,
      udp.answered > 0 ? this.#back(address) : undefined,
      rpcAddress === undefined ? undefined : this.rpc(rpcAddress),
    ]);
    return {
      members: (over.state?.nodes ?? []).filter(({ state }) => state === 0).flatMap(addressOf),
      findings: {
        address,
        listened: false,
        tcp: over.tcp,
        udp,
        ...(over.exchange === undefined ? {} : { exchange: over.exchange }),
        ...(over.mismatch === undefined ? {} : { mismatch: over.mismatch }),
        ...(udpLarge === undefined ? {} : { udpLarge }),
        ...(udpBack === undefined ? {} : { udpBack }),
        ...(rpcAddress === undefined ? {} : { rpcAddress }),
        ...(rpc === undefined ? {} : { rpc: rpc.attempt }),
        ...(rpc?.skewMs === undefined ? {} : { skewMs: rpc.skewMs }),
        ...(row === undefined
          ? {}
          : { nodeId: meta?.nodeId ?? row.name, foreign: meta === undefined }),
        ...(row?.vsn === undefined || row.vsn === null || row.vsn.length < 2
          ? {}
          : { protocols: [row.vsn[0] as number, row.vsn[1] as number] as const }),
      },
    };
  }

  /** Opens an authenticated link, greets under a name of our own and reads the clock. */
  async rpc(to: Address): Promise<{
    readonly attempt: Attempt & { readonly refused?: boolean };
    readonly skewMs?: Millis;
  }> {
    const { runtime, security, timeoutMs } = this.#options;
    try {
      const link = await runtime.rpc.dial(to, { security, timeoutMs });
      try {
        const nodeId = `doctor-${this.#seqNo++}`;
        const sentMs = runtime.clock.wall();
        const value = {
          nodeId,
          bootId: nodeId,
          capabilities: [],
          wantSnapshot: false,
          wallMs: sentMs,
        };
        await link.send({ frame: { case: "hello", value } });
        const welcome = await this.#within(welcomeOf(link.frames));
        const nowMs = runtime.clock.wall();
        const attempt = {
          ok: true,
          detail: `a link to ${to} opens in ${Math.round(nowMs - sentMs)} ms`,
        };
        return welcome === undefined
          ? { attempt: { ok: false, detail: `${to} lets us in and says nothing`, silent: true } }
          : { attempt, skewMs: welcome - (sentMs + nowMs) / 2 };
      } finally {
        link.close();
      }
    } catch (error) {
      const silent = ClusterError.is(error, "timeout");
      const refused = ClusterError.is(error, "refused");
      return { attempt: { ok: false, detail: messageOf(error), silent, refused } };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket?.[Symbol.asyncDispose]();
  }

  async #tcp(address: Address): Promise<{
    readonly tcp: Attempt;
    readonly exchange?: Attempt;
    readonly mismatch?: "key" | "label or key";
    readonly state?: PushPull;
  }> {
    const { runtime: { streams, clock }, streamCodec, timeoutMs } = this.#options;
    const began = clock.now();
    let stream: ByteStream;
    try {
      stream = await streams.dial(address, { timeoutMs });
    } catch (error) {
      const silent = ClusterError.is(error, "timeout");
      return { tcp: { ok: false, detail: messageOf(error), silent } };
    }
    const tcp = { ok: true, detail: `connected in ${Math.round(clock.now() - began)} ms` };
    try {
      const ask: PushPull = {
        type: "pushPull",
        join: false,
        nodes: [],
        userState: new Uint8Array(),
      };
      await stream.write(streamCodec.request(ask));
      const answer = await this.#within(this.#answer(stream));
      return {
        tcp,
        ...(answer ?? nothing(`no answer to a state exchange within ${timeoutMs} ms`)),
      };
    } catch (error) {
      return { tcp, exchange: { ok: false, detail: messageOf(error) } };
    } finally {
      stream.destroy();
    }
  }

  async #answer(stream: ByteStream): Promise<{
    readonly exchange: Attempt;
    readonly mismatch?: "key" | "label or key";
    readonly state?: PushPull;
  }> {
    const reader = this.#options.streamCodec.replyReader();
    for await (const bytes of stream.chunks) {
      const progress = reader.push(bytes);
      if (progress.type === "more") continue;
      if (progress.type === "failed") {
        const exchange = { ok: false, detail: `its answer can't be read: ${progress.detail}` };
        const isKey = progress.reason === "decrypt" || progress.reason === "plaintext";
        return isKey ? { exchange, mismatch: "key" } : { exchange };
      }
      const { message } = progress;
      if (message.type === "pushPull") {
        const detail = `it shows ${message.nodes.length} members`;
        return { exchange: { ok: true, detail }, state: message };
      }
      const said = message.type === "err" ? message.error : `a ${message.type}`;
      const exchange = { ok: false, detail: `it refuses the state exchange: ${said}` };
      return /encrypt|decrypt|plaintext|key/i.test(said)
        ? { exchange, mismatch: "key" }
        : { exchange };
    }
    return nothing("it closes the connection without an answer");
  }

  async #pings(to: Address): Promise<PeerFindings["udp"]> {
    const { runtime: { clock } } = this.#options;
    const rtts: Millis[] = [];
    const answers: Promise<unknown>[] = [];
    for (let i = 0; i < PINGS; i++) {
      const sentMs = clock.now();
      answers.push(
        this.#ask(to, (seqNo) => [ping(seqNo)], this.#udpMs).then((answer) => {
          if (answer === "ack") rtts.push(clock.now() - sentMs);
        }),
      );
      await this.#pass(PING_EVERY_MS);
    }
    await Promise.all(answers);
    rtts.sort((a, b) => a - b);
    const rttMs = rtts[rtts.length >> 1];
    return { sent: PINGS, answered: rtts.length, ...(rttMs === undefined ? {} : { rttMs }) };
  }

  /** Many pings in one packet, as large as packets of gossip get. */
  async #large(to: Address): Promise<Attempt> {
    const { packetCodec } = this.#options;
    let answered = 0;
    let size = 0;
    for (let i = 0; i < LARGE_PACKETS && answered === 0; i++) {
      const answer = await this.#ask(to, (seqNo) => {
        const part = ping(seqNo);
        const room = PACKET_BYTES - packetCodec.overhead() - 2;
        const parts = Array.from({ length: Math.floor(room / (part.length + 2)) }, () => part);
        size = packetCodec.seal(parts, false).length;
        return parts;
      }, this.#udpMs);
      if (answer === "ack") answered++;
    }
    return answered > 0
      ? { ok: true, detail: `a packet of ${size} bytes is answered` }
      : { ok: false, detail: `packets of ${size} bytes are not answered` };
  }

  /** Has the peer probe our gossip port; `undefined`: it did not say. */
  async #back(to: Address): Promise<Attempt | undefined> {
    const self = parseAddress(this.#options.self);
    const target = ipToBytes(self?.ip ?? "");
    if (self === undefined || self.port === 0 || target === undefined) return undefined;
    for (let i = 0; i < 2; i++) {
      const answer = await this.#ask(to, (seqNo) => [
        encodeMessage({
          type: "indirectPing",
          seqNo,
          target,
          port: self.port,
          node: "",
          nack: true,
        }),
      ], BACK_MS);
      if (answer === "ack") return { ok: true, detail: "its probe of our gossip port is answered" };
      if (answer === "nack" && i > 0) {
        return { ok: false, detail: "its probe of our gossip port is not answered" };
      }
    }
    return undefined;
  }

  get #udpMs(): Millis {
    return Math.min(this.#options.timeoutMs, 2_000);
  }

  /** Sends one packet and waits for what answers its number. */
  #ask(
    to: Address,
    parts: (seqNo: number) => readonly Uint8Array[],
    withinMs: Millis,
  ): Promise<"ack" | "nack" | undefined> {
    const { runtime: { clock }, packetCodec } = this.#options;
    const seqNo = this.#seqNo++;
    return new Promise((resolve) => {
      const settle = (answer: "ack" | "nack" | undefined): void => {
        disarm();
        this.#waiting.delete(seqNo);
        resolve(answer);
      };
      const disarm = clock.alarm(clock.now() + withinMs, () => settle(undefined));
      this.#waiting.set(seqNo, settle);
      this.#socket?.send(to, packetCodec.seal(parts(seqNo), false));
    });
  }

  #frame(bytes: Uint8Array): void {
    this.#options.packetCodec.open(bytes, {
      message: (message) => {
        if (message.type !== "ack" && message.type !== "nack") return;
        this.#waiting.get(message.seqNo)?.(message.type);
      },
      dropped: () => {},
    });
  }

  /** The outcome, or `undefined` when it takes too long. */
  #within<T>(outcome: Promise<T>): Promise<T | undefined> {
    const { runtime: { clock }, timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const disarm = clock.alarm(clock.now() + timeoutMs, () => resolve(undefined));
      outcome.then(resolve, reject).finally(disarm);
    });
  }

  #pass(ms: Millis): Promise<void> {
    const { clock } = this.#options.runtime;
    return new Promise((resolve) => void clock.alarm(clock.now() + ms, resolve));
  }
}

function ping(seqNo: number): Uint8Array {
  return encodeMessage({ type: "ping", seqNo, node: "" });
}

/** What a node does that can't open what we say. */
function nothing(detail: string): { exchange: Attempt; mismatch: "label or key" } {
  return { exchange: { ok: false, detail }, mismatch: "label or key" };
}

function addressOf({ addr, port }: PushPullNode): Address[] {
  const ip = bytesToIp(addr);
  return ip === undefined ? [] : [formatAddress(ip, port)];
}

/** The row in which the peer speaks of itself. */
function ownRow(state: PushPull | undefined, address: Address): PushPullNode | undefined {
  return state?.nodes.find((row) => row.state === 0 && addressOf(row)[0] === address);
}

/** The wall clock in the acceptor's first frame. */
async function welcomeOf(frames: AsyncIterable<LinkFrame>): Promise<WallMillis | undefined> {
  for await (const { frame } of frames) {
    if (frame.case === "welcome") return frame.value.wallMs;
  }
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
