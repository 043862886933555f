/**
 * A network of replication machines on a virtual clock: streams keep order, frames travel as bytes, delays are random,
 * pairs can be cut, nodes stopped, crashed and restarted.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Rng } from "../../../src/core/rng.ts";
import type { AwaitLevel, WriteOutcome } from "../../../src/core/replication/awaited.ts";
import type { ReplicationOptions } from "../../../src/core/replication/config.ts";
import type {
  ReplicationEffect,
  ReplicationEvent,
  ReplicationInput,
} from "../../../src/core/replication/contract.ts";
import type { EntryWrite, StoredEntry } from "../../../src/core/replication/entry.ts";
import { Replication } from "../../../src/core/replication/machine.ts";
import { entryCodec } from "../../../src/driver/entry_codec.ts";
import { decodeLinkFrame, encodeLinkFrame, type LinkEnd } from "../../../src/driver/link_codec.ts";

/** Bytes that a direction of a stream takes in before it pushes back. */
const STREAM_BUFFER_BYTES = 262_144;

/** The wall clock when every run begins. */
export const EPOCH = 1_760_000_000_000;

export interface TestNode {
  readonly name: string;
  boot: string;
  machine: Replication;
  up: boolean;
  /** Reads nothing, writes nothing, as after SIGSTOP. */
  stopped: boolean;
  skewMs: number;
  readonly events: ReplicationEvent[];
  nextAccepted: number;
  wakeAt: number;
  readonly backlog: ReplicationInput[];
}

interface Half {
  readonly node: TestNode;
  readonly boot: string;
  link: number;
}

interface Stream {
  readonly dialler: Half;
  acceptor: Half | undefined;
  open: boolean;
  readonly arrivesAt: Record<LinkEnd, number>;
  readonly buffered: Record<LinkEnd, number>;
  readonly unreported: Record<LinkEnd, number>;
}

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export interface NetOptions {
  readonly seed?: number;
  readonly delayMs?: readonly [number, number];
  readonly config?: Partial<ReplicationOptions>;
}

/** Frames and their bytes, for looking over shoulders. */
export type Tap = (from: string, to: string, bytes: Uint8Array, end: LinkEnd) => void;

export class Net {
  readonly nodes: Map<string, TestNode> = new Map();
  readonly trace: string[] = [];
  readonly outcomes: WriteOutcome[] = [];
  readonly rng: Rng;
  now = 0;
  bytes = 0;
  tap: Tap | undefined;
  readonly #options: NetOptions;
  readonly #tasks: Task[] = [];
  readonly #streams: Set<Stream> = new Set();
  readonly #cuts: Set<string> = new Set();
  #order = 0;
  #boots = 0;
  #op = 0;

  constructor(names: readonly string[], options: NetOptions = {}) {
    this.#options = options;
    this.rng = new Rng(options.seed ?? 1);
    for (const name of names) this.start(name);
  }

  node(name: string): TestNode {
    return this.nodes.get(name) as TestNode;
  }

  /** Starts or restarts a node without any memory; membership notices within a second. */
  start(name: string, skewMs = 0, config: Partial<ReplicationOptions> = {}): TestNode {
    const boot = `boot-${++this.#boots}`;
    const machine = new Replication(
      { nodeId: name, bootId: boot, ...this.#options.config, ...config },
      entryCodec,
      this.rng.fork(),
    );
    const node: TestNode = {
      name,
      boot,
      machine,
      up: true,
      stopped: false,
      skewMs,
      events: [],
      nextAccepted: 0,
      wakeAt: Infinity,
      backlog: [],
    };
    this.nodes.set(name, node);
    this.input(node, { type: "start", wallMs: this.wall(node) });
    for (const other of this.nodes.values()) this.#introduce(node, other);
    return node;
  }

  /** The process is gone: streams break, membership notices. */
  crash(name: string): void {
    const node = this.node(name);
    node.up = false;
    for (const stream of [...this.#streams]) if (touches(stream, node)) this.#break(stream);
    for (const other of this.nodes.values()) {
      if (other !== node) this.#later(1_000, () => this.#downFor(other, node));
    }
  }

  /** Cuts both directions between two groups; streams break, membership notices after a second. */
  cut(left: readonly string[], right: readonly string[]): void {
    for (const a of left) {
      for (const b of right) {
        this.#cuts.add(pair(a, b));
        for (const stream of [...this.#streams]) {
          const ends = [stream.dialler.node.name, stream.acceptor?.node.name];
          if (ends.includes(a) && ends.includes(b)) this.#break(stream);
        }
        const [x, y] = [this.node(a), this.node(b)];
        this.#later(1_000, () => this.#cuts.has(pair(a, b)) && this.#downFor(x, y));
        this.#later(1_000, () => this.#cuts.has(pair(a, b)) && this.#downFor(y, x));
      }
    }
  }

  /** Breaks every stream once, at a random moment each. */
  flap(withinMs: number): void {
    for (const stream of this.#streams) {
      this.#later(this.rng.between(0, withinMs), () => this.#break(stream));
    }
  }

  heal(): void {
    const cuts = [...this.#cuts];
    this.#cuts.clear();
    for (const cut of cuts) {
      const [a, b] = cut.split("|") as [string, string];
      this.#introduce(this.node(a), this.node(b));
    }
  }

  /** Membership is told that `node` is gone. */
  #downFor(observer: TestNode, node: TestNode): void {
    const present = this.nodes.get(node.name);
    if (observer.up && (present === node || present === undefined)) {
      this.input(observer, { type: "peerDown", peer: node.name });
    }
  }

  #introduce(a: TestNode, b: TestNode): void {
    if (a === b) return;
    for (const [x, y] of [[a, b], [b, a]] as const) {
      this.#later(this.rng.between(10, 800), () => {
        const isCurrent = this.nodes.get(x.name) === x && this.nodes.get(y.name) === y;
        if (!isCurrent || !x.up || !y.up || this.#cuts.has(pair(x.name, y.name))) return;
        this.input(x, { type: "peerUp", peer: y.name, boot: y.boot, capabilities: ["ack:v1"] });
      });
    }
  }

  wall(node: TestNode): number {
    return EPOCH + this.now + node.skewMs;
  }

  write(name: string, ...writes: EntryWrite[]): void {
    const op = ++this.#op;
    this.input(this.node(name), { type: "command", command: { type: "write", op, writes } });
  }

  set(name: string, type: string, key: string, text: string): void {
    this.write(name, { type, key, value: new TextEncoder().encode(text) });
  }

  delete(name: string, type: string, key: string): void {
    this.write(name, { type, key, value: undefined });
  }

  /** Tells every node who has not left; regions by node id, the dead named. */
  tellMembers(regions: Readonly<Record<string, string>>, dead: readonly string[] = []): void {
    const members = Object.entries(regions).map(([node, region]) => ({
      node,
      region,
      alive: !dead.includes(node),
      capabilities: node.startsWith("old") ? [] : ["ack:v1"],
    }));
    for (const node of this.nodes.values()) this.input(node, { type: "members", members });
  }

  /** Writes and waits; what comes of it is appended to `outcomes`. */
  writeAwaited(name: string, level: AwaitLevel, key: string, timeoutMs = 5_000): void {
    const writes = [{ type: "api_key", key, value: new Uint8Array([1]) }];
    const command = { type: "write", op: ++this.#op, writes, level, timeoutMs } as const;
    this.input(this.node(name), { type: "command", command });
  }

  message(name: string, peer: string, channel: string, text: string): void {
    const payload = new TextEncoder().encode(text);
    const command = { type: "message", op: ++this.#op, peer, channel, payload } as const;
    this.input(this.node(name), { type: "command", command });
  }

  /** The live text of a key; `undefined` when absent or deleted. */
  text(name: string, type: string, key: string): string | undefined {
    const entry = this.node(name).machine.get(type, key);
    if (entry === undefined || entry.deleted) return undefined;
    return new TextDecoder().decode(entryCodec.decode(entry.bytes)?.value);
  }

  input(node: TestNode, input: ReplicationInput): void {
    if (!node.up) return;
    if (node.stopped) {
      node.backlog.push(input);
      return;
    }
    const out: ReplicationEffect[] = [];
    node.machine.handle(input, this.now, out);
    for (const effect of out) this.#perform(node, effect);
    const at = node.machine.nextDeadline() ?? Infinity;
    if (at === node.wakeAt) return;
    node.wakeAt = at;
    if (at !== Infinity) {
      this.#at(Math.max(at, this.now), () => {
        if (node.wakeAt !== at) return;
        node.wakeAt = Infinity;
        this.input(node, { type: "tick" });
      });
    }
  }

  /** SIGSTOP and SIGCONT. */
  stop(name: string): void {
    this.node(name).stopped = true;
  }

  resume(name: string): void {
    const node = this.node(name);
    node.stopped = false;
    for (const input of node.backlog.splice(0)) this.input(node, input);
    for (const stream of this.#streams) {
      this.#drain(stream, "dialler");
      this.#drain(stream, "acceptor");
    }
  }

  runFor(ms: number): void {
    const end = this.now + ms;
    for (let task = this.#tasks[0]; task !== undefined && task.at <= end; task = this.#tasks[0]) {
      this.#pop();
      this.now = Math.max(this.now, task.at);
      task.run();
    }
    this.now = end;
  }

  runUntil(claim: string, check: () => boolean, withinMs: number): void {
    const end = this.now + withinMs;
    while (!check()) {
      if (this.now >= end) assert.fail(`waited ${withinMs} ms in vain until ${claim}`);
      this.runFor(Math.min(50, end - this.now));
    }
  }

  /** All stores hold the same, byte for byte. */
  converged(): boolean {
    const up = [...this.nodes.values()].filter((node) => node.up);
    const first = contents(up[0] as TestNode);
    return up.every((node) => {
      const other = contents(node);
      return other.size === first.size &&
        [...first].every(([key, entry]) => sameBytes(entry.bytes, other.get(key)?.bytes));
    });
  }

  #perform(node: TestNode, effect: ReplicationEffect): void {
    if (effect.type === "event") {
      node.events.push(effect.event);
      const { event } = effect;
      const what = event.type === "changed"
        ? `${event.entry.type}/${event.entry.key} ${JSON.stringify(event.entry.version)}`
        : JSON.stringify(event, (key, value) => key === "entry" ? undefined : value);
      this.trace.push(`${this.now.toFixed(3)} ${node.name} ${event.type} ${what}`);
    } else if (effect.type === "open") this.#dial(node, effect.link, effect.peer);
    else if (effect.type === "awaited") this.outcomes.push(effect.outcome);
    else if (effect.type === "messageSettled") assert.ok(effect.result.ok);
    else if (effect.type === "settled") assert.ok(effect.result.ok, JSON.stringify(effect.result));
    else {
      for (const stream of this.#streams) {
        const end = endOf(stream, node, effect.link);
        if (end === undefined) continue;
        if (effect.type === "send") {
          this.#send(stream, end, encodeLinkFrame(effect.frame, end));
        } else {
          this.trace.push(`${this.now.toFixed(3)} ${node.name} close: ${effect.reason}`);
          this.#break(stream, end);
        }
        return;
      }
    }
  }

  #dial(node: TestNode, link: number, peer: string): void {
    const stream: Stream = {
      dialler: { node, boot: node.boot, link },
      acceptor: undefined,
      open: true,
      arrivesAt: { dialler: 0, acceptor: 0 },
      buffered: { dialler: 0, acceptor: 0 },
      unreported: { dialler: 0, acceptor: 0 },
    };
    this.#streams.add(stream);
    this.#later(this.#delay(), () => {
      if (!stream.open) return;
      const other = this.node(peer);
      if (!other?.up || other.stopped || this.#cuts.has(pair(node.name, peer))) {
        this.#streams.delete(stream);
        this.input(node, { type: "linkFailed", link, reason: "unreachable" });
        return;
      }
      stream.acceptor = { node: other, boot: other.boot, link: --other.nextAccepted };
      this.input(other, { type: "accepted", link: stream.acceptor.link });
      if (stream.open) this.input(node, { type: "linkOpened", link });
    });
  }

  #send(stream: Stream, end: LinkEnd, bytes: Uint8Array): void {
    const half = halfOf(stream, end) as Half;
    const other = halfOf(stream, opposite(end)) as Half;
    this.bytes += bytes.length;
    this.tap?.(half.node.name, other.node.name, bytes, end);
    stream.buffered[end] += bytes.length;
    stream.unreported[end]++;
    const at = Math.max(this.now + this.#delay(), stream.arrivesAt[end]);
    stream.arrivesAt[end] = at;
    this.#at(at, () => {
      if (!stream.open) return;
      const frame = decodeLinkFrame(bytes, end);
      assert.ok(frame !== undefined);
      if (!other.node.stopped) stream.buffered[end] -= bytes.length;
      this.input(other.node, { type: "frame", link: other.link, frame });
      this.#drain(stream, end);
    });
    this.#at(this.now, () => this.#drain(stream, end));
  }

  #drain(stream: Stream, end: LinkEnd): void {
    const half = halfOf(stream, end);
    const other = halfOf(stream, opposite(end));
    if (half === undefined || other === undefined || !stream.open) return;
    if (!other.node.stopped && stream.unreported[end] === 0) return;
    if (stream.buffered[end] > STREAM_BUFFER_BYTES) return;
    const count = stream.unreported[end];
    stream.unreported[end] = 0;
    for (let i = 0; i < count && stream.open; i++) {
      this.input(half.node, { type: "writable", link: half.link });
    }
  }

  #break(stream: Stream, by?: LinkEnd): void {
    if (!stream.open) return;
    stream.open = false;
    this.#streams.delete(stream);
    for (const end of ["dialler", "acceptor"] as const) {
      const half = halfOf(stream, end);
      if (half === undefined || end === by) continue;
      const type = stream.acceptor === undefined ? "linkFailed" : "linkClosed";
      this.#later(this.#delay(), () => {
        if (this.nodes.get(half.node.name) !== half.node) return;
        this.input(half.node, { type, link: half.link, reason: "broken" });
      });
    }
  }

  #delay(): number {
    const [from, to] = this.#options.delayMs ?? [0.2, 20];
    return this.rng.between(from, to);
  }

  #later(ms: number, run: () => void): void {
    this.#at(this.now + ms, run);
  }

  #at(at: number, run: () => void): void {
    const task = { at, order: this.#order++, run };
    const heap = this.#tasks;
    let index = heap.push(task) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(task, heap[parent] as Task)) break;
      heap[index] = heap[parent] as Task;
      index = parent;
    }
    heap[index] = task;
  }

  #pop(): void {
    const heap = this.#tasks;
    const last = heap.pop() as Task;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as Task)) child++;
      if (!before(heap[child] as Task, last)) break;
      heap[index] = heap[child] as Task;
      index = child;
    }
    heap[index] = last;
  }
}

/** Everything a node holds, by type and key. */
export function contents(node: TestNode): Map<string, StoredEntry> {
  const all: Map<string, StoredEntry> = new Map();
  const { store } = node.machine;
  for (const type of store.types()) {
    for (const { entry } of store.slots(type)) all.set(`${entry.type}/${entry.key}`, entry);
  }
  return all;
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function before(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function pair(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

function opposite(end: LinkEnd): LinkEnd {
  return end === "dialler" ? "acceptor" : "dialler";
}

function halfOf(stream: Stream, end: LinkEnd): Half | undefined {
  return end === "dialler" ? stream.dialler : stream.acceptor;
}

function endOf(stream: Stream, node: TestNode, link: number): LinkEnd | undefined {
  if (stream.dialler.node === node && stream.dialler.link === link) return "dialler";
  if (stream.acceptor?.node === node && stream.acceptor.link === link) return "acceptor";
  return undefined;
}

function touches(stream: Stream, node: TestNode): boolean {
  return stream.dialler.node === node || stream.acceptor?.node === node;
}
