/**
 * Our gossip plane on the runtime the test runs on: the membership machine, the driver and real sockets, without
 * replication and status.
 *
 * @module
 */

import { detectRuntime } from "../../adapters/cli/detect_runtime.ts";
import { formatAddress } from "../../src/core/address.ts";
import { type MembershipOptions, resolveMembership } from "../../src/core/membership/config.ts";
import type { Member, MembershipEvent } from "../../src/core/membership/contract.ts";
import { Membership } from "../../src/core/membership/machine.ts";
import { encodeMessage } from "../../src/core/wire/encode.ts";
import { Keyring } from "../../src/core/wire/keyring.ts";
import { createPacketCodec } from "../../src/core/wire/packet_codec.ts";
import { createStreamCodec } from "../../src/core/wire/stream_codec.ts";
import { type GossipPlane, startGossip } from "../../src/driver/gossip.ts";
import { eventually } from "../eventually.ts";
import { lossy, type OurUdp } from "./lossy_datagrams.ts";

/** One of our nodes; absent fields keep the `local` profile's value. */
export interface OurConfig {
  readonly name: string;
  /** Default `127.0.0.1`. */
  readonly ip?: string;
  readonly membership?: MembershipOptions;
  readonly label?: string;
  /** Primary first. */
  readonly keys?: readonly Uint8Array[];
  readonly verifyIncoming?: boolean;
  readonly verifyOutgoing?: boolean;
  readonly compression?: boolean;
  readonly meta?: Uint8Array;
  readonly userState?: Uint8Array;
  readonly ackPayload?: Uint8Array;
  readonly udp?: OurUdp;
}

type EventOf<T extends MembershipEvent["type"]> = Extract<MembershipEvent, { readonly type: T }>;

/** A running node. Disposal closes the sockets without a word, as a crash does. */
export class OurNode implements AsyncDisposable {
  readonly name: string;
  readonly keys: Keyring;
  /** What the machine has told so far, oldest first. */
  readonly events: MembershipEvent[] = [];
  /** User states of others, oldest first. */
  readonly states: { readonly state: Uint8Array; readonly join: boolean }[] = [];
  /** Payloads that rode on acks to our pings. */
  readonly ackPayloads: Uint8Array[] = [];
  readonly #ip: string;
  readonly #toldMs = new WeakMap<MembershipEvent, number>();
  #udp: OurUdp;
  #plane!: GossipPlane;
  #machine!: Membership;

  private constructor(config: OurConfig, keys: Keyring) {
    this.name = config.name;
    this.keys = keys;
    this.#ip = config.ip ?? "127.0.0.1";
    this.#udp = config.udp ?? {};
  }

  /** Binds both sockets to one free port and starts the machine. */
  static async start(config: OurConfig): Promise<OurNode> {
    const runtime = await detectRuntime();
    const keys = new Keyring(
      (key) => runtime.sealer.aesGcm(key),
      config.keys ?? [],
      config.keys?.[0],
    );
    const node = new OurNode(config, keys);
    const options = resolveMembership({ profile: "local", ...config.membership });
    const wire = {
      label: config.label ?? "",
      skipInboundLabelCheck: false,
      keyring: keys,
      verifyIncoming: config.verifyIncoming ?? true,
      verifyOutgoing: config.verifyOutgoing ?? true,
      compression: config.compression ?? true,
      protocolVersion: options.protocolVersion,
    };
    node.#plane = await startGossip({
      runtime: {
        clock: runtime.clock,
        streams: runtime.streams,
        datagrams: lossy(runtime.datagrams, () => node.#udp),
      },
      ip: node.#ip,
      port: 0,
      dialTimeoutMs: options.tcpTimeoutMs,
      onEvent: (event) => {
        node.#toldMs.set(event, performance.timeOrigin + performance.now());
        node.events.push(event);
      },
      machine: (port) =>
        node.#machine = new Membership({
          config: options,
          seed: runtime.entropy.seed(),
          packetCodec: createPacketCodec(wire, runtime.sealer.crc32),
          streamCodec: createStreamCodec(wire),
          encode: encodeMessage,
          self: {
            name: config.name,
            address: formatAddress(node.#ip, port),
            meta: config.meta ?? new Uint8Array(),
          },
          delegate: {
            ackPayload: () => config.ackPayload ?? new Uint8Array(),
            pingCompleted: (_member, _rtt, payload) => void node.ackPayloads.push(payload),
            localState: () => config.userState ?? new Uint8Array(),
            mergeRemoteState: (state, join) =>
              void node.states.push({ state: Uint8Array.from(state), join }),
          },
        }),
    });
    return node;
  }

  /** `ip:port`, as others reach it. */
  get address(): string {
    return formatAddress(this.#ip, this.#plane.port);
  }

  /** Everybody this node has not forgotten. */
  members(): readonly Member[] {
    return this.#machine.members();
  }

  /** One member by name. */
  member(name: string): Member | undefined {
    return this.#machine.member(name);
  }

  /** Probes sent so far. */
  get probes(): number {
    return this.#machine.counters.probes;
  }

  /** Push/pulls with every address; answers how many worked, rejects when none did. */
  async join(...addresses: readonly string[]): Promise<number> {
    return (await this.#plane.run({ type: "join", addresses })).joined ?? 0;
  }

  /** Announces a graceful leave; the node keeps listening. */
  async leave(timeoutMs = 5_000): Promise<void> {
    await this.#plane.run({ type: "leave", timeoutMs });
  }

  /** Comes back after a leave, with a higher incarnation. */
  async rejoin(): Promise<void> {
    await this.#plane.run({ type: "rejoin" });
  }

  /** Replaces the metadata; resolves when the news was sent on. */
  async updateMeta(meta: Uint8Array, timeoutMs = 5_000): Promise<void> {
    await this.#plane.run({ type: "setMeta", meta, timeoutMs });
  }

  /** One user message by datagram. */
  async sendBestEffort(to: string, payload: Uint8Array): Promise<void> {
    await this.#plane.run({ type: "sendBestEffort", to, payload });
  }

  /** One user message by stream. */
  async sendReliable(to: string, payload: Uint8Array): Promise<void> {
    await this.#plane.run({ type: "sendReliable", to, payload });
  }

  /** Queues user data for gossip. */
  async broadcast(payload: Uint8Array): Promise<void> {
    await this.#plane.run({ type: "userBroadcast", payload });
  }

  /** One direct ping; the round-trip time in milliseconds. */
  async ping(to: string): Promise<number> {
    return (await this.#plane.run({ type: "ping", to })).rttMs ?? 0;
  }

  /** Changes what becomes of the node's datagrams, at once. */
  udp(udp: OurUdp): void {
    this.#udp = udp;
  }

  /** Wall clock of an event, in milliseconds with fractions. */
  toldMs(event: MembershipEvent): number {
    return this.#toldMs.get(event) ?? Number.NaN;
  }

  /** A place in the events, for `since`. */
  mark(): number {
    return this.events.length;
  }

  /** The first event of that kind that fits, past ones included. */
  event<T extends MembershipEvent["type"]>(
    type: T,
    fits: (event: EventOf<T>) => boolean = () => true,
    options: { readonly since?: number; readonly withinMs?: number } = {},
  ): Promise<EventOf<T>> {
    return eventually(
      `${this.name} tells "${type}" (${fits})`,
      () =>
        this.events.slice(options.since ?? 0).find((event): event is EventOf<T> =>
          event.type === type && fits(event as EventOf<T>)
        ),
      options.withinMs,
    );
  }

  /** Waits until exactly these members are alive or suspect (its own name among them). */
  async lists(names: readonly string[], withinMs = 10_000): Promise<void> {
    const wanted = [...names].sort().join(" ");
    let listed = "";
    try {
      await eventually(`${this.name} lists ${wanted}`, () => {
        listed = this.members()
          .filter(({ state }) => state === "alive" || state === "suspect")
          .map(({ name }) => name).sort().join(" ");
        return listed === wanted;
      }, withinMs);
    } catch (cause) {
      const said = this.events.slice(-25).map((event) => `  ${JSON.stringify(event)}`).join("\n");
      throw new Error(`${this.name} lists "${listed}" instead of "${wanted}":\n${said}`, { cause });
    }
  }

  /** Closes the sockets without a word. Harmless twice. */
  async kill(): Promise<void> {
    await this.#plane[Symbol.asyncDispose]();
  }

  /** Kills. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
