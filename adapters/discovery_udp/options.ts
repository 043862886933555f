/** @module */

import { AddressSpace, ClusterError } from "../../mod.ts";

/** What to broadcast, and where. */
export interface UdpDiscoveryOptions {
  /** Nodes that say the same find each other: 1 to 62 bytes of UTF-8. */
  readonly serviceName: string;
  /** The UDP port of the beacons, the same on all nodes and not the gossip port; nodes on one machine share it. */
  readonly port: number;
  /**
   * CIDR blocks, at least one. Beacons go to the broadcast addresses inside of them only, and what comes from elsewhere
   * is dropped. Loopback is used when it is inside.
   */
  readonly allowedAddressSpace: readonly string[];
  /**
   * Between two beacons of a node, ±10 %; longer above 100 nodes, so that all together send 20 a second at most. A node
   * that is silent for 3.5 times as long is listed no more.
   *
   * @default {5_000}
   */
  readonly everyMs?: number;
}

/** The options with nothing left open. */
export interface ResolvedUdpDiscovery {
  readonly serviceName: string;
  readonly port: number;
  readonly space: AddressSpace;
  readonly everyMs: number;
}

const SERVICE_BYTES_MAX = 62;

/** Checks the options; throws `ClusterError` `bad-config`. */
export function resolveUdp(options: UdpDiscoveryOptions): ResolvedUdpDiscovery {
  const { serviceName, port, allowedAddressSpace, everyMs = 5_000 } = options;
  const bytes = new TextEncoder().encode(serviceName).length;
  if (bytes < 1 || bytes > SERVICE_BYTES_MAX) {
    refuse(`the service name has ${bytes} bytes, give it 1 to ${SERVICE_BYTES_MAX}`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    refuse(`the port is ${port}, give one from 1 to 65535`);
  }
  if (!(everyMs >= 10 && everyMs <= 300_000)) {
    refuse(`everyMs is ${everyMs}, give 10 to 300000`);
  }
  if (allowedAddressSpace.length === 0) refuse("no address space is allowed, give a CIDR block");
  return { serviceName, port, space: spaceOf(allowedAddressSpace), everyMs };
}

function spaceOf(blocks: readonly string[]): AddressSpace {
  try {
    return new AddressSpace(blocks);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(problem: string): never {
  throw new ClusterError("bad-config", `Cannot discover by UDP: ${problem}`);
}
