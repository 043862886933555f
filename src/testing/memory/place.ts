/**
 * One host: its addresses and who is bound to its ports.
 *
 * @module
 */

import { canonicalIp, formatAddress, parseAddress } from "../../core/address.ts";
import { ClusterError } from "../../core/errors.ts";
import type { Address } from "../../core/machine.ts";
import type { Frame } from "../../ports/datagrams.ts";
import type { MemoryStream } from "./memory_stream.ts";
import { PortTable } from "./port_table.ts";
import type { Wires } from "./wires.ts";

/** Takes connections; both functions answer at once. */
export interface Acceptor {
  /** Why a caller can't be taken now. */
  refusal(): string | undefined;
  /** Told of a caller that was not taken. */
  refused(from: Address, reason: string): void;
  /** A connection. */
  accept(stream: MemoryStream): void;
}

/** Where something goes: the host, and the address as that host sees it. */
export interface Route {
  readonly place: Place;
  readonly ip: string;
  readonly port: number;
}

/** A host on the wires. */
export class Place {
  /** The number by which cuts know it. */
  readonly index: number;
  readonly ips: readonly string[];
  readonly wires: Wires;
  readonly udp: PortTable<(frame: Omit<Frame, "receivedMs">) => void> = new PortTable("UDP");
  readonly tcp: PortTable<Acceptor> = new PortTable("TCP");

  /** `ips` in canonical form; loopback addresses are every host's own and not among them. */
  constructor(wires: Wires, index: number, ips: readonly string[]) {
    this.wires = wires;
    this.index = index;
    this.ips = ips;
  }

  /** The canonical form of an IP to bind; throws `bind-failed` when this host does not have it. */
  ownIp(ip: string, port: number): string {
    const own = canonicalIp(ip);
    if (own !== undefined && (isWildcard(own) || isLoopback(own) || this.ips.includes(own))) {
      return own;
    }
    throw new ClusterError(
      "bind-failed",
      `Cannot bind ${formatAddress(ip, port)}: this host has the addresses ${
        this.ips.join(", ")
      }, ` +
        "choose one of them",
    );
  }

  /**
   * Where an address leads from here and which of our addresses is shown there; `undefined` when a socket bound to
   * `boundIp` can't write to it. The place is `undefined` when no host has the address.
   */
  route(
    boundIp: string,
    to: Address,
  ): { readonly source: string; readonly route: Route | undefined } | undefined {
    const parsed = parseAddress(to);
    const ip = canonicalIp(parsed?.ip ?? "");
    if (parsed === undefined || ip === undefined || parsed.port === 0) return undefined;
    const source = this.#source(boundIp, ip);
    if (source === undefined) return undefined;
    const place = isLoopback(ip) ? this : this.wires.places.get(ip);
    return { source, route: place === undefined ? undefined : { place, ip, port: parsed.port } };
  }

  /**
   * Who hears what is broadcast to `to` from the own address `source`: the hosts of its network, this one among them.
   * Networks are those of 256 addresses, and loopback. `undefined` when it is no broadcast address of that network.
   */
  broadcastDomain(
    source: string,
    to: Address,
  ): { readonly places: readonly Place[]; readonly port: number } | undefined {
    const { ip, port } = parseAddress(to) ?? { ip: "", port: 0 };
    if (ip === "127.255.255.255") return { places: [this], port };
    const network = ip.endsWith(".255") ? ip.slice(0, -3) : undefined;
    if (network === undefined || !source.startsWith(network)) return undefined;
    const places = [...this.wires.places].filter(([other]) => other.startsWith(network));
    return { places: [...new Set(places.map(([, place]) => place))], port };
  }

  #source(boundIp: string, to: string): string | undefined {
    const isV6 = to.includes(":");
    if (!isWildcard(boundIp)) {
      return boundIp.includes(":") === isV6 && (!isLoopback(boundIp) || this.#isOwn(to))
        ? boundIp
        : undefined;
    }
    if (boundIp === "0.0.0.0" && isV6) return undefined;
    if (isLoopback(to)) return isV6 ? "::1" : "127.0.0.1";
    return this.#isOwn(to) ? to : this.ips.find((ip) => ip.includes(":") === isV6);
  }

  #isOwn(ip: string): boolean {
    return isLoopback(ip) || this.ips.includes(ip);
  }
}

/** Whether it means the host itself. */
export function isLoopback(ip: string): boolean {
  return ip === "::1" || ip.startsWith("127.");
}

/** Whether it means all addresses of a host. */
export function isWildcard(ip: string): boolean {
  return ip === "0.0.0.0" || ip === "::";
}
