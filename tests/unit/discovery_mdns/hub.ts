/**
 * A network in memory on virtual time: engines on one link hear what the others send.
 *
 * @module
 */

import { Engine } from "../../../adapters/discovery_mdns/engine.ts";
import type { Sender } from "../../../adapters/discovery_mdns/effects.ts";
import { candidatesOf } from "../../../adapters/discovery_mdns/candidates.ts";
import { type MdnsPacket, packet } from "../../../adapters/discovery_mdns/packet.ts";
import type { MdnsRecord } from "../../../adapters/discovery_mdns/record.ts";
import type { DiscoverySelf } from "../../../mod.ts";
import { Rng } from "../../../src/core/rng.ts";

/** The type of service that all engines register, in full. */
export const SERVICE = "_gw._tcp.local";

/** A packet that was sent. */
export interface Sent {
  readonly atMs: number;
  readonly from: string;
  readonly packet: MdnsPacket;
  /** Left out for everybody. */
  readonly to?: Sender;
}

/** One engine's place on the network. */
export interface HubNode {
  readonly self: DiscoverySelf;
  readonly engine: Engine;
  /** The names under which it became known, and those it gave up. */
  readonly announced: string[];
  readonly renamed: string[];
  isCutOff: boolean;
}

/** What {@linkcode Hub.add} takes. */
export interface HubNodeOptions {
  readonly nodeId: string;
  readonly ip: string;
  readonly port?: number;
  readonly bootId?: string;
  /** Whether it registers itself at once. @default {true} */
  readonly registers?: boolean;
}

/** The network. */
export class Hub {
  now = 0;
  readonly nodes: HubNode[] = [];
  sent: Sent[] = [];
  readonly #rng: Rng;
  #underWay: { readonly atMs: number; readonly sent: Sent }[] = [];

  /** The same seed gives the same run. */
  constructor(seed = 1) {
    this.#rng = new Rng(seed);
  }

  /** A node that comes up now. */
  add(options: HubNodeOptions): HubNode {
    const { nodeId, ip, port = 10_101, bootId = `${nodeId}-${this.nodes.length}` } = options;
    const self: DiscoverySelf = {
      nodeId,
      bootId,
      region: "here",
      ip,
      port,
      rpcPort: port + 1,
      capabilities: [],
      version: "1.2.3",
    };
    const [announced, renamed]: string[][] = [[], []];
    const send = (out: MdnsPacket, to?: Sender): void => {
      if (node.isCutOff) return;
      this.say(ip, out, to);
    };
    const rng = this.#rng.fork();
    const engine = new Engine({
      service: "_gw._tcp",
      self,
      dice: () => rng.unit(),
      out: {
        sendAll: (out) => send(out),
        send: (_link, out, to) => send(out, to),
        announced: (name) => announced!.push(name),
        renamed: (from) => renamed!.push(from),
      },
    });
    const node: HubNode = {
      self,
      engine,
      announced: announced!,
      renamed: renamed!,
      isCutOff: false,
    };
    this.nodes.push(node);
    engine.linkUp("eth0", "eth0", this.now);
    if (options.registers ?? true) engine.register(this.now);
    return node;
  }

  /** Takes a node away without a word. */
  kill(node: HubNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  /** Somebody who is no engine sends a packet, from port 5353 unless told otherwise. */
  say(from: string, out: MdnsPacket, to?: Sender): void {
    const sent: Sent = { atMs: this.now, from, packet: out, ...(to === undefined ? {} : { to }) };
    this.sent.push(sent);
    if (to === undefined) this.#underWay.push({ atMs: this.now + 1, sent });
  }

  /** Somebody answers. */
  answer(from: string, ...answers: readonly MdnsRecord[]): void {
    this.say(from, packet({ kind: "response", answers }));
  }

  /** Lets time pass, event by event. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const due = this.nodes.map(({ engine }) => engine.nextDeadline());
      const next = Math.min(...due, ...this.#underWay.map(({ atMs }) => atMs));
      if (next > until) break;
      this.now = Math.max(this.now, next);
      const arrived = this.#underWay.filter(({ atMs }) => atMs <= this.now);
      this.#underWay = this.#underWay.filter(({ atMs }) => atMs > this.now);
      for (const { sent } of arrived) this.#deliver(sent);
      for (const { engine } of [...this.nodes]) {
        if (engine.nextDeadline() <= this.now) engine.tick(this.now);
      }
    }
    this.now = until;
  }

  /** Whom a node knows, as `id@ip:port`. */
  found(node: HubNode): readonly string[] {
    return candidatesOf(node.engine.instances(), node.self, () => {})
      .map(({ nodeId, host, port }) => `${nodeId}@${host}:${port}`).toSorted();
  }

  #deliver({ from, packet: received }: Sent): void {
    for (const { self, engine, isCutOff } of this.nodes) {
      if (self.ip === from || isCutOff) continue;
      engine.onPacket(received, "eth0", { ip: from, port: 5_353 }, this.now);
    }
  }
}

/** A record. */
export function record(
  name: string,
  ttlS: number,
  data: MdnsRecord["data"],
  unique = data.type !== "PTR",
): MdnsRecord {
  return { name, ttlS, unique, data };
}

/** All records of an instance on a host of the same name. */
export function peerRecords(name: string, ip: string, port = 7_101): readonly MdnsRecord[] {
  const instance = `${name}.${SERVICE}`;
  const strings = [`node_id=${name}`].map((text) => new TextEncoder().encode(text));
  return [
    record(SERVICE, 4_500, { type: "PTR", target: instance }),
    record(instance, 120, { type: "SRV", port, target: `${name}.local` }),
    record(instance, 4_500, { type: "TXT", strings }),
    record(`${name}.local`, 120, { type: "A", ip }),
  ];
}
