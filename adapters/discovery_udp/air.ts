/** @module */

import {
  type Address,
  ClusterError,
  type DatagramSocket,
  type DiscoveryContext,
  formatAddress,
  type Frame,
  parseAddress,
} from "../../mod.ts";
import { type Beacon, type BeaconFault, decodeBeacon, encodeBeacon } from "./beacon.ts";
import { BeaconKeys } from "./beacon_keys.ts";
import { broadcastIps } from "./networks.ts";
import type { ResolvedUdpDiscovery } from "./options.ts";
import { RateLimits } from "./rate_limits.ts";

/** Why something that came in was not used. */
export type DropReason =
  | BeaconFault
  /** From outside of the allowed address space. */
  | "foreign_source"
  /** More than a source, or all together, may send. */
  | "rate"
  /** Of another service. */
  | "service"
  /** Sent too long ago, or too far in the future, by our clock. */
  | "stale"
  /** Heard before, or an answer to no beacon of ours. */
  | "replayed"
  /** More nodes than are listed. */
  | "table_full";

/** An authentic datagram of our service. */
export type OnBeacon = (beacon: Beacon, from: Address) => void;

/** Two sockets: one that hears what is broadcast, shared with other nodes of this machine, and one to speak by. */
export class Air implements AsyncDisposable {
  readonly limits: RateLimits = new RateLimits();
  readonly #options: ResolvedUdpDiscovery;
  readonly #context: DiscoveryContext;
  readonly #keys: BeaconKeys;
  readonly #drop: (reason: DropReason) => void;
  readonly #onBeacon: OnBeacon;
  readonly #sockets: DatagramSocket[] = [];
  #speaker: DatagramSocket | undefined;

  private constructor(
    options: ResolvedUdpDiscovery,
    context: DiscoveryContext,
    drop: (reason: DropReason) => void,
    onBeacon: OnBeacon,
  ) {
    this.#options = options;
    this.#context = context;
    this.#keys = new BeaconKeys(context.gossipKeys);
    this.#drop = drop;
    this.#onBeacon = onBeacon;
  }

  /** Binds; rejects with `ClusterError` `unreachable` when the port can't be had, with nothing left open. */
  static async open(
    options: ResolvedUdpDiscovery,
    context: DiscoveryContext,
    drop: (reason: DropReason) => void,
    onBeacon: OnBeacon,
  ): Promise<Air> {
    const air = new Air(options, context, drop, onBeacon);
    const { datagrams } = context.runtime;
    const onFrame = (frame: Frame): void => air.#onFrame(frame);
    const bind = async (port: number, sharePort: boolean): Promise<DatagramSocket> => {
      const how = { broadcast: true, sharePort };
      const socket = await datagrams.bind({ ip: "0.0.0.0", port, onFrame, ...how });
      air.#sockets.push(socket);
      return socket;
    };
    try {
      await bind(options.port, true);
      air.#speaker = await bind(0, false);
      return air;
    } catch (cause) {
      await air[Symbol.asyncDispose]();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ClusterError("unreachable", `Cannot discover by UDP: ${reason}`, { cause });
    }
  }

  /** Whether datagrams prove a key. */
  get isSealed(): boolean {
    return this.#keys.all.length > 0;
  }

  /**
   * Sends to every network's broadcast address. Throws `ClusterError` `unreachable` when there is none inside of the
   * allowed address space.
   */
  broadcast(beacon: Beacon): void {
    const { port, space } = this.#options;
    const interfaces = this.#context.runtime.interfaces.list();
    const ips = broadcastIps(interfaces, space);
    if (ips.length === 0) {
      const own = interfaces.filter(({ ip }) => !ip.includes(":"))
        .map(({ ip, prefix, name }) => `${ip}/${prefix} (${name})`).join(", ");
      throw new ClusterError(
        "unreachable",
        `Cannot discover by UDP: no network of this machine has a broadcast address inside ${
          space.blocks.join(", ")
        }, ` +
          `its addresses are ${own}, change allowed_address_space or discover in another way`,
      );
    }
    for (const ip of ips) this.send(beacon, formatAddress(ip, port));
  }

  /** Sends to one. */
  send(beacon: Beacon, to: Address): void {
    this.#speaker?.send(to, encodeBeacon(beacon, this.#keys.all[0]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) await socket[Symbol.asyncDispose]();
  }

  #onFrame({ from, bytes, receivedMs }: Frame): void {
    const { space, serviceName } = this.#options;
    const ip = parseAddress(from)?.ip ?? "";
    if (!space.holds(ip)) return this.#drop("foreign_source");
    if (!this.limits.admits(ip, receivedMs)) return this.#drop("rate");
    const beacon = decodeBeacon(bytes, this.#keys.all);
    if (typeof beacon === "string") return this.#drop(beacon);
    if (beacon.serviceName !== serviceName) return this.#drop("service");
    if (beacon.bootId !== this.#context.self.bootId) this.#onBeacon(beacon, from);
  }
}
