/**
 * Hosts that talk to each other inside one process, in real or in virtual time, over a network that can be disturbed.
 *
 * @module
 */

import { canonicalIp } from "../../core/address.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Datagrams } from "../../ports/datagrams.ts";
import type { Streams } from "../../ports/streams.ts";
import { type NetworkFaults, type ResolvedFaults, resolveFaults } from "../simulation/faults.ts";
import { memoryDatagrams } from "./memory_datagrams.ts";
import { memoryStreams } from "./memory_streams.ts";
import { isLoopback, isWildcard, Place } from "./place.ts";
import { type MemoryCounters, Wires } from "./wires.ts";

/** How to make a network. */
export interface MemoryNetworkOptions {
  /** What delays are measured with: a `ManualClock` for virtual time, a runtime's clock for real time. */
  readonly clock: Clock;
  /** Seeds the dice: the same seed and the same sends give the same losses and delays. @default {1} */
  readonly seed?: number;
  /** What the network does to what is sent between hosts. @default {a delay of 1 to 5 ms, no loss} */
  readonly faults?: NetworkFaults;
}

/** One host: the ports that a node on it is given. It has `127.0.0.1` and `::1` of its own. */
export interface MemoryHost {
  /** Its addresses, loopback left out. */
  readonly ips: readonly string[];
  /** Its UDP. */
  readonly datagrams: Datagrams;
  /** Its TCP. */
  readonly streams: Streams;
}

/**
 * The network. Bytes are copied on their way, so that no two hosts share memory. Datagrams are lost, doubled and, by
 * a wide delay, reordered; connections keep their order, stall while a direction between the two hosts is cut, and
 * break when it stays cut for 10 s. What is broadcast to an address such as `10.0.0.255` reaches the hosts whose
 * addresses differ from it in the last part only. What stays within one host is neither lost nor doubled nor cut.
 */
export interface MemoryNetwork {
  /** What the network does at present. */
  readonly faults: ResolvedFaults;
  /** What became of datagrams and dials so far. */
  readonly counters: MemoryCounters;
  /** Adds a host; without `ips` it gets an IPv4 address. Throws `RangeError` for what is no address or taken. */
  host(...ips: readonly string[]): MemoryHost;
  /** Replaces what the network does to everything that is sent from now on. Throws `RangeError` as options do. */
  disturb(faults: NetworkFaults): void;
  /** Cuts every direction from a host of `from` to a host of `to`, and not the way back. */
  cut(from: readonly MemoryHost[], to: readonly MemoryHost[]): void;
  /** Mends the same directions; without arguments all of them. */
  heal(from?: readonly MemoryHost[], to?: readonly MemoryHost[]): void;
}

/** Cuts count hosts in 16 bits. */
const HOSTS_MAX = 65_536;

/**
 * Makes a network without hosts.
 *
 * ```ts
 * const clock = new ManualClock();
 * const network = memoryNetwork({ clock, seed: 7, faults: { lossRatio: 0.1 } });
 * const { datagrams, streams } = network.host("10.0.0.1");
 * ```
 */
export function memoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  return new Network(new Wires(options.clock, options.seed ?? 1, options.faults ?? {}));
}

class Network implements MemoryNetwork {
  readonly #wires: Wires;
  readonly #indexes: Map<MemoryHost, number> = new Map();

  constructor(wires: Wires) {
    this.#wires = wires;
  }

  get faults(): ResolvedFaults {
    return this.#wires.faults;
  }

  disturb(faults: NetworkFaults): void {
    this.#wires.faults = resolveFaults(faults);
  }

  get counters(): MemoryCounters {
    return { ...this.#wires.counters };
  }

  host(...ips: readonly string[]): MemoryHost {
    const index = this.#indexes.size;
    if (index >= HOSTS_MAX) {
      throw new RangeError(`Cannot add a host: the network has ${HOSTS_MAX}, the most it takes`);
    }
    const wanted = ips.length > 0 ? ips : [`10.128.${index >> 8}.${index & 255}`];
    const place = new Place(this.#wires, index, wanted.map((ip) => this.#newIp(ip)));
    for (const ip of place.ips) this.#wires.places.set(ip, place);
    const host: MemoryHost = {
      ips: place.ips,
      datagrams: memoryDatagrams(place),
      streams: memoryStreams(place),
    };
    this.#indexes.set(host, index);
    return host;
  }

  cut(from: readonly MemoryHost[], to: readonly MemoryHost[]): void {
    this.#wires.cuts.cut(this.#numbers(from), this.#numbers(to));
  }

  heal(from?: readonly MemoryHost[], to?: readonly MemoryHost[]): void {
    if (from === undefined || to === undefined) return this.#wires.cuts.heal();
    this.#wires.cuts.heal(this.#numbers(from), this.#numbers(to));
  }

  #newIp(text: string): string {
    const ip = canonicalIp(text);
    if (ip === undefined || isLoopback(ip) || isWildcard(ip)) {
      throw new RangeError(`Cannot add a host: ${JSON.stringify(text)} is not an IP of one host`);
    }
    if (this.#wires.places.has(ip)) {
      throw new RangeError(`Cannot add a host: another one has ${ip}`);
    }
    return ip;
  }

  #numbers(hosts: readonly MemoryHost[]): number[] {
    return hosts.map((host) => {
      const index = this.#indexes.get(host);
      if (index !== undefined) return index;
      throw new RangeError(`Cannot find the host ${host.ips.join(", ")}: it is of another network`);
    });
  }
}
