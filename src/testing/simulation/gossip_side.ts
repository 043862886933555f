/**
 * The gossip plane of one simulated process: what `driver/gossip.ts` and `driver/gossip_member.ts` are to a real one.
 *
 * @module
 */

import type { Address, Millis } from "../../core/machine.ts";
import { type MembershipOptions, resolveMembership } from "../../core/membership/config.ts";
import type {
  MembershipCommand,
  MembershipEffect,
  MembershipEvent,
  MembershipInput,
  MembershipResult,
} from "../../core/membership/contract.ts";
import { Membership } from "../../core/membership/machine.ts";
import { Rejoin, type RejoinEffect, type RejoinInput } from "../../core/membership/rejoin.ts";
import type { Rng } from "../../core/rng.ts";
import type { WireConfig } from "../../core/wire/contract.ts";
import { crc32 } from "../../core/wire/crc32.ts";
import { encodeMessage } from "../../core/wire/encode.ts";
import { Keyring } from "../../core/wire/keyring.ts";
import { createPacketCodec } from "../../core/wire/packet_codec.ts";
import { createStreamCodec } from "../../core/wire/stream_codec.ts";
import type { Network } from "./network.ts";
import type { PipeEnd } from "./pipe.ts";
import type { Plants, SimMembership } from "./plants.ts";
import { Stepper } from "./stepper.ts";
import { toyCipher } from "./toy_cipher.ts";

/** What the plane is made of. */
export interface GossipSideParts {
  readonly network: Network;
  /** Number of our host. */
  readonly host: number;
  readonly name: string;
  readonly address: Address;
  readonly label: string;
  readonly keys: readonly Uint8Array[];
  readonly meta: Uint8Array;
  readonly options: MembershipOptions;
  readonly plants: Plants;
  readonly rng: Rng;
  readonly onEvent: (event: MembershipEvent) => void;
  /** The machines have come to rest. */
  readonly onRest: () => void;
}

/** A command without its token. */
export type GossipCommand = WithoutOp<MembershipCommand>;
type WithoutOp<C> = C extends unknown ? Omit<C, "op"> : never;

/** Membership, redialling, and their bytes. */
export class GossipSide {
  readonly machine: SimMembership;
  readonly rejoin: Rejoin;
  readonly #parts: GossipSideParts;
  readonly #membership: Stepper<MembershipInput, MembershipEffect>;
  readonly #redial: Stepper<RejoinInput, RejoinEffect>;
  readonly #streams: Map<number, PipeEnd> = new Map();
  readonly #dialling: Set<number> = new Set();
  readonly #waiting: Map<number, (result: MembershipResult) => void> = new Map();
  #nextOp = 1;
  #nextAccepted = -1;
  #nextPort = 0;

  /** Does nothing before `start`. */
  constructor(parts: GossipSideParts) {
    this.#parts = parts;
    const { plants, name, address, rng, network } = parts;
    const real = newMachine(parts);
    this.machine = plants.membership?.(real, name) ?? real;
    this.rejoin = new Rejoin({ self: address, seed: rng.u32() });
    this.#membership = new Stepper<MembershipInput, MembershipEffect>(
      this.machine,
      network.timeline,
      (effect) => this.#perform(effect),
      parts.onRest,
    );
    this.#redial = new Stepper<RejoinInput, RejoinEffect>(
      this.rejoin,
      network.timeline,
      (effect) => effect.type === "join" && this.#join(effect.addresses),
      () => {},
    );
  }

  /** When a tick is wanted; `Infinity` when never. */
  get deadline(): Millis {
    return Math.min(this.#membership.deadline, this.#redial.deadline);
  }

  /** Announces ourselves and looks for these. */
  start(seeds: readonly Address[]): void {
    this.#membership.step({ type: "start" });
    if (seeds.length === 0) return;
    if (this.#redials) this.#redial.step({ type: "candidates", addresses: seeds });
    this.#join(seeds);
  }

  /** Ticks what is due. */
  tick(): void {
    this.#membership.tick();
    this.#redial.tick();
  }

  /** A datagram came. */
  packet(from: Address, bytes: Uint8Array, queuedMs: Millis): void {
    this.#membership.step({ type: "packet", from, bytes, queuedMs });
  }

  /** The event loop was late. */
  lag(lagMs: Millis): void {
    this.#membership.step({ type: "lag", lagMs });
  }

  /** Somebody dialled us. */
  accepted(pipe: PipeEnd): void {
    const id = this.#nextAccepted--;
    this.#membership.step({ type: "accepted", stream: id, from: pipe.remote });
    this.#adopt(id, pipe);
  }

  /** Runs one operation. */
  run(command: GossipCommand, settled: (result: MembershipResult) => void = () => {}): void {
    const op = this.#nextOp++;
    this.#waiting.set(op, settled);
    this.#membership.step({
      type: "command",
      command: { ...command, op } as MembershipCommand,
    });
  }

  /** The process ends. */
  stop(): void {
    this.#membership.stop();
    this.#redial.stop();
  }

  get #redials(): boolean {
    return this.#parts.plants.rejoin !== false;
  }

  #join(addresses: readonly Address[]): void {
    this.run({ type: "join", addresses });
  }

  #perform(effect: MembershipEffect): void {
    const { network, host, address } = this.#parts;
    switch (effect.type) {
      case "packet":
        return network.datagram(host, address, effect.to, effect.bytes);
      case "dial":
        return this.#dial(effect.stream, effect.to, effect.request);
      case "reply": {
        const pipe = this.#streams.get(effect.stream);
        this.#streams.delete(effect.stream);
        pipe?.send(effect.bytes);
        pipe?.close();
        return;
      }
      case "close":
        this.#dialling.delete(effect.stream);
        this.#streams.get(effect.stream)?.close();
        this.#streams.delete(effect.stream);
        return;
      case "settled": {
        const settled = this.#waiting.get(effect.op);
        this.#waiting.delete(effect.op);
        settled?.(effect.result);
        return;
      }
      case "event":
        if (this.#redials) this.#redial.step({ type: "event", event: effect.event });
        return this.#parts.onEvent(effect.event);
    }
  }

  #dial(id: number, to: Address, request: Uint8Array): void {
    const { network, host, address } = this.#parts;
    this.#dialling.add(id);
    const source = `${address.slice(0, address.lastIndexOf(":"))}:${
      32_768 + this.#nextPort++ % 28_000
    }`;
    network.dial(host, source, "gossip", to, (pipe) => {
      if (!this.#dialling.delete(id)) return pipe.close();
      this.#adopt(id, pipe);
      pipe.send(request);
      this.#membership.step({ type: "connected", stream: id });
    }, (error) => {
      if (!this.#dialling.delete(id)) return;
      this.#membership.step({ type: "streamClosed", stream: id, error });
    });
  }

  #adopt(id: number, pipe: PipeEnd): void {
    this.#streams.set(id, pipe);
    pipe.onBytes = (bytes) => {
      if (this.#streams.has(id)) this.#membership.step({ type: "streamData", stream: id, bytes });
    };
    pipe.onClosed = (error) => {
      if (!this.#streams.delete(id)) return;
      this.#membership.step(
        error === undefined
          ? { type: "streamClosed", stream: id }
          : { type: "streamClosed", stream: id, error },
      );
      pipe.close();
    };
  }
}

function newMachine(parts: GossipSideParts): Membership {
  const { name, address, label, keys, meta, options, plants, rng } = parts;
  const plain: WireConfig = {
    label,
    skipInboundLabelCheck: false,
    keyring: new Keyring(toyCipher, keys, keys[0]),
    verifyIncoming: true,
    verifyOutgoing: true,
    compression: true,
    protocolVersion: 2,
  };
  const wire = plants.wire?.(plain, name) ?? plain;
  const packetCodec = createPacketCodec(wire, crc32);
  const streamCodec = createStreamCodec(wire);
  return new Membership({
    config: resolveMembership(options),
    self: { name, address, meta },
    seed: rng.u32(),
    packetCodec: plants.packetCodec?.(packetCodec, name) ?? packetCodec,
    streamCodec: plants.streamCodec?.(streamCodec, name) ?? streamCodec,
    encode: encodeMessage,
  });
}
