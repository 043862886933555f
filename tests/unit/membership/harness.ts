/**
 * Membership machines on a perfect virtual network with virtual time.
 *
 * @module
 */

import { type MembershipOptions, resolveMembership } from "../../../src/core/membership/config.ts";
import type {
  Member,
  MembershipCommand,
  MembershipDelegate,
  MembershipEffect,
  MembershipEvent,
  MembershipInput,
  MembershipResult,
} from "../../../src/core/membership/contract.ts";
import { Membership } from "../../../src/core/membership/machine.ts";
import type { PacketCodec, StreamCodec, WireConfig } from "../../../src/core/wire/contract.ts";
import { crc32 } from "../../../src/core/wire/crc32.ts";
import { encodeMessage } from "../../../src/core/wire/encode.ts";
import type {
  Alive,
  Dead,
  PacketMessage,
  StreamMessage,
  Suspect,
} from "../../../src/core/wire/messages.ts";
import { createPacketCodec } from "../../../src/core/wire/packet_codec.ts";
import { createStreamCodec } from "../../../src/core/wire/stream_codec.ts";

/** No label, no key, no compression. */
export const PLAIN: WireConfig = {
  label: "",
  skipInboundLabelCheck: false,
  keyring: { ciphers: () => [] },
  verifyIncoming: true,
  verifyOutgoing: true,
  compression: false,
  protocolVersion: 2,
};

/** The versions a plain node advertises. */
export const VSN: Uint8Array = Uint8Array.of(1, 5, 2, 0, 0, 0);

/** How one node of a test differs from the usual. */
export interface NodeOptions extends MembershipOptions {
  readonly name?: string;
  readonly address?: string;
  readonly meta?: Uint8Array;
  readonly incarnation?: number;
  readonly seed?: number;
  readonly wire?: Partial<WireConfig>;
  readonly delegate?: MembershipDelegate;
}

/** Asks for the codec pair of a wire. */
export function codecs(
  wire: Partial<WireConfig> = {},
): { packet: PacketCodec; stream: StreamCodec } {
  const config = { ...PLAIN, ...wire };
  return { packet: createPacketCodec(config, crc32), stream: createStreamCodec(config) };
}

/** The messages in a packet, decoded with the plain codec. */
export function messagesOf(
  bytes: Uint8Array,
  codec: PacketCodec = codecs().packet,
): PacketMessage[] {
  const messages: PacketMessage[] = [];
  codec.open(bytes, {
    message: (message) => messages.push(message),
    dropped: (reason) => {
      throw new Error(`a packet of ours held something ${reason}`);
    },
  });
  return messages;
}

/** An alive message with defaults. */
export function aliveOf(node: string, over: Partial<Alive> = {}): Alive {
  const addr = Uint8Array.of(10, 0, 0, 200);
  return { type: "alive", node, incarnation: 1, addr, port: 7946, meta: null, vsn: VSN, ...over };
}

/** A suspect message. */
export function suspectOf(node: string, from: string, incarnation = 1): Suspect {
  return { type: "suspect", node, from, incarnation };
}

/** A dead message. */
export function deadOf(node: string, from: string, incarnation = 1): Dead {
  return { type: "dead", node, from, incarnation };
}

/** One machine with everything it ever did. */
export class TestNode {
  readonly name: string;
  readonly address: string;
  readonly machine: Membership;
  readonly effects: MembershipEffect[] = [];
  readonly codec: { packet: PacketCodec; stream: StreamCodec };
  #op = 0;

  constructor(options: NodeOptions = {}) {
    const {
      name = "a",
      address = "10.0.0.1:7946",
      meta = new Uint8Array(0),
      incarnation,
      seed = 1,
      wire = {},
      delegate,
      ...tuning
    } = options;
    this.name = name;
    this.address = address;
    this.codec = codecs(wire);
    this.machine = new Membership({
      config: resolveMembership(tuning),
      self: { name, address, meta, ...(incarnation === undefined ? {} : { incarnation }) },
      seed,
      packetCodec: this.codec.packet,
      streamCodec: this.codec.stream,
      encode: encodeMessage,
      ...(delegate === undefined ? {} : { delegate }),
    });
  }

  /** Hands an input in and answers what came of it. */
  give(input: MembershipInput, now: number): MembershipEffect[] {
    const out: MembershipEffect[] = [];
    this.machine.handle(input, now, out);
    this.effects.push(...out);
    return out;
  }

  /** Hands messages in as one packet. */
  hear(
    messages: PacketMessage | readonly PacketMessage[],
    now: number,
    from = "10.0.0.9:7946",
  ): MembershipEffect[] {
    const list = Array.isArray(messages) ? messages : [messages];
    const bytes = this.codec.packet.seal(list.map(encodeMessage), false);
    return this.give({ type: "packet", from, bytes }, now);
  }

  /** Runs a command; `op` is chosen here. */
  command(command: DistributiveOmit<MembershipCommand, "op">, now: number): number {
    const op = ++this.#op;
    this.give({ type: "command", command: { ...command, op } as MembershipCommand }, now);
    return op;
  }

  /** How an operation ended, if it did. */
  result(op: number): MembershipResult | undefined {
    const found = this.effects.filter((e) => e.type === "settled" && e.op === op);
    if (found.length > 1) throw new Error(`operation ${op} was settled ${found.length} times`);
    const [settled] = found;
    return settled?.type === "settled" ? settled.result : undefined;
  }

  /** Ticks through all deadlines up to `until`; answers what came of it. */
  run(until: number): MembershipEffect[] {
    const out: MembershipEffect[] = [];
    for (let at = this.machine.nextDeadline(); at !== undefined && at <= until;) {
      out.push(...this.give({ type: "tick" }, at));
      at = this.machine.nextDeadline();
    }
    return out;
  }

  /** All events so far of one type. */
  events<T extends MembershipEvent["type"]>(type: T): Extract<MembershipEvent, { type: T }>[] {
    return eventsOf(this.effects, type);
  }

  /** The state of a member; `undefined` if it is not known. */
  state(name: string): string | undefined {
    return this.machine.member(name)?.state;
  }

  /** Names of live members, sorted. */
  live(): string[] {
    const live = (m: Member) => m.state === "alive" || m.state === "suspect";
    return this.machine.members().filter(live).map((m) => m.name).sort();
  }
}

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never;

/** The events of one type among effects. */
export function eventsOf<T extends MembershipEvent["type"]>(
  effects: readonly MembershipEffect[],
  type: T,
): Extract<MembershipEvent, { type: T }>[] {
  const events: Extract<MembershipEvent, { type: T }>[] = [];
  for (const effect of effects) {
    if (effect.type === "event" && effect.event.type === type) {
      events.push(effect.event as Extract<MembershipEvent, { type: T }>);
    }
  }
  return events;
}

/** The packets among effects, decoded. */
export function packetsOf(
  effects: readonly MembershipEffect[],
  codec?: PacketCodec,
): { to: string; bytes: Uint8Array; messages: PacketMessage[] }[] {
  const packets = [];
  for (const effect of effects) {
    if (effect.type !== "packet") continue;
    const { to, bytes } = effect;
    packets.push({ to, bytes, messages: messagesOf(bytes, codec) });
  }
  return packets;
}

/** A started node that knows nobody. */
export function started(options: NodeOptions = {}, now = 0): TestNode {
  const node = new TestNode(options);
  node.give({ type: "start" }, now);
  return node;
}

/** Reads the one message of a reply or request. */
export function readStream(
  bytes: Uint8Array,
  request = false,
  codec: StreamCodec = codecs().stream,
): StreamMessage {
  const progress = (request ? codec.requestReader() : codec.replyReader()).push(bytes);
  if (progress.type !== "message") throw new Error(`a stream of ours was ${progress.type}`);
  return progress.message;
}

type StreamInput = Extract<MembershipInput, { readonly type: "streamData" | "streamClosed" }>;

interface Timed {
  readonly at: number;
  readonly order: number;
  readonly node: TestNode;
  readonly input: MembershipInput;
}

/** Several nodes, one virtual clock, a network that delivers everything after `latencyMs` unless it is cut. */
export class TestNet {
  readonly nodes: TestNode[] = [];
  readonly latencyMs: number;
  /** Answers `false` to lose what goes from one to another. */
  passes: (from: TestNode, to: TestNode, kind: "packet" | "stream") => boolean = () => true;
  now = 0;
  #order = 0;
  #queue: Timed[] = [];
  #lastAccepted = 0;
  readonly #links: Map<string, { peer: TestNode; stream: number }> = new Map();
  readonly #down: Set<TestNode> = new Set();

  constructor(latencyMs = 1) {
    this.latencyMs = latencyMs;
  }

  /** Adds and starts a node; name and address follow from its number. */
  add(options: NodeOptions = {}): TestNode {
    const number = this.nodes.length + 1;
    const node = new TestNode({
      name: `n${number}`,
      address: `10.0.${number >> 8}.${number & 255}:7946`,
      seed: number,
      ...options,
    });
    this.nodes.push(node);
    this.give(node, { type: "start" });
    return node;
  }

  /** Adds `count` nodes that have joined the first. */
  cluster(count: number, options: NodeOptions = {}): TestNode[] {
    for (let i = 0; i < count; i++) this.add(options);
    const [first, ...rest] = this.nodes as [TestNode, ...TestNode[]];
    for (const node of rest) this.command(node, { type: "join", addresses: [first.address] });
    this.run(5000);
    return this.nodes;
  }

  /** Stops a node dead. */
  kill(node: TestNode): void {
    this.#down.add(node);
  }

  /** Runs a command on a node now. */
  command(node: TestNode, command: DistributiveOmit<MembershipCommand, "op">): number {
    const before = node.effects.length;
    const op = node.command(command, this.now);
    this.#perform(node, node.effects.slice(before));
    return op;
  }

  /** Hands an input to a node now. */
  give(node: TestNode, input: MembershipInput): void {
    this.#perform(node, node.give(input, this.now));
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.at > until) break;
      this.now = Math.max(this.now, next.at);
      if (this.#down.has(next.node)) continue;
      this.give(next.node, next.input);
    }
    this.now = until;
  }

  /** Lets time pass until `check` holds; answers how long it took, throws after `withinMs`. */
  runUntil(claim: string, check: () => boolean, withinMs: number): number {
    const from = this.now;
    while (!check()) {
      if (this.now - from > withinMs) {
        throw new Error(`Waited ${withinMs} ms in vain until ${claim}`);
      }
      this.run(50);
    }
    return this.now - from;
  }

  #next(): Timed | undefined {
    let best: Timed | undefined = this.#queue[0];
    for (const timed of this.#queue) if (before(timed, best as Timed)) best = timed;
    let order = 0;
    for (const node of this.nodes) {
      const at = this.#down.has(node) ? undefined : node.machine.nextDeadline();
      order++;
      const tick: Timed = { at: at ?? Infinity, order, node, input: { type: "tick" } };
      if (at !== undefined && (best === undefined || at < best.at)) best = tick;
    }
    const index = best === undefined ? -1 : this.#queue.indexOf(best);
    if (index >= 0) this.#queue.splice(index, 1);
    return best;
  }

  #later(node: TestNode, input: MembershipInput): void {
    this.#queue.push({ at: this.now + this.latencyMs, order: ++this.#order, node, input });
  }

  #perform(node: TestNode, effects: readonly MembershipEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "packet") this.#packet(node, effect.to, effect.bytes);
      else if (effect.type === "dial") this.#dial(node, effect.stream, effect.to, effect.request);
      else if (effect.type === "reply") {
        this.#peer(node, effect.stream, { type: "streamData", stream: 0, bytes: effect.bytes });
        this.#hangUp(node, effect.stream);
      } else if (effect.type === "close") this.#hangUp(node, effect.stream);
    }
  }

  #packet(node: TestNode, to: string, bytes: Uint8Array): void {
    const target = this.nodes.findLast((n) => n.address === to && !this.#down.has(n));
    if (target === undefined || !this.passes(node, target, "packet")) return;
    this.#later(target, { type: "packet", from: node.address, bytes });
  }

  #dial(node: TestNode, stream: number, to: string, request: Uint8Array): void {
    const target = this.nodes.findLast((n) => n.address === to && !this.#down.has(n));
    if (target === undefined) {
      this.#later(node, { type: "streamClosed", stream, error: "connection refused" });
      return;
    }
    if (!this.passes(node, target, "stream")) return;
    const accepted = --this.#lastAccepted;
    this.#links.set(`${node.name} ${stream}`, { peer: target, stream: accepted });
    this.#links.set(`${target.name} ${accepted}`, { peer: node, stream });
    this.#later(target, { type: "accepted", stream: accepted, from: ephemeral(node.address) });
    this.#later(node, { type: "connected", stream });
    this.#later(target, { type: "streamData", stream: accepted, bytes: request });
  }

  #peer(node: TestNode, stream: number, input: StreamInput): void {
    const link = this.#links.get(`${node.name} ${stream}`);
    if (link === undefined || !this.passes(node, link.peer, "stream")) return;
    this.#later(link.peer, { ...input, stream: link.stream });
  }

  #hangUp(node: TestNode, stream: number): void {
    this.#peer(node, stream, { type: "streamClosed", stream: 0 });
    this.#links.delete(`${node.name} ${stream}`);
  }
}

function ephemeral(address: string): string {
  return address.replace(/:\d+$/, ":40000");
}

function before(a: Timed, b: Timed): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
