/**
 * The package `multicast-dns`, as far as it is used.
 *
 * @module
 */

import type { RemoteInfo } from "node:dgram";
import { ClusterError } from "../../mod.ts";
import type { PackagePacket } from "./packet.ts";
import type { SocketGate } from "./socket_gate.ts";

/** One socket in the group, as the package gives it. */
export interface MulticastDns {
  on(event: "ready", listener: () => void): this;
  on(event: "error" | "warning", listener: (error: Error) => void): this;
  on(event: "packet", listener: (packet: PackagePacket, from: RemoteInfo) => void): this;
  /** Encodes and sends, to the group when `to` is left out. Throws what can't be encoded. */
  send(
    packet: PackagePacket,
    to: { readonly address: string; readonly port: number } | null,
    done: (error?: Error | null) => void,
  ): void;
  destroy(done: () => void): void;
}

/** Makes one. */
export type MakeMulticastDns = (options: {
  readonly type: "udp4" | "udp6";
  readonly ip: string;
  readonly port: number;
  readonly interface: string;
  readonly bind: string;
  readonly socket: SocketGate;
}) => MulticastDns;

/** Loads the package; rejects with `ClusterError` `unsupported` where it is not installed. */
export async function loadMulticastDns(): Promise<MakeMulticastDns> {
  try {
    const { default: make } = await import("multicast-dns");
    return make as unknown as MakeMulticastDns;
  } catch (cause) {
    throw new ClusterError(
      "unsupported",
      'Cannot use mDNS: the package "multicast-dns" is not installed, add it (npm install multicast-dns)',
      { cause },
    );
  }
}
