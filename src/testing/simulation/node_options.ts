/**
 * How a simulated node may differ from its neighbours.
 *
 * @module
 */

import { formatAddress } from "../../core/address.ts";
import type { Address, Millis } from "../../core/machine.ts";
import type { MembershipOptions } from "../../core/membership/config.ts";
import type { ReplicationOptions } from "../../core/replication/config.ts";
import type { Plants } from "./plants.ts";

/** Tuning of replication but for what names a node. */
export type SimReplicationOptions = Omit<ReplicationOptions, "nodeId" | "bootId" | "capabilities">;

/** What may be said about a node; everything has a default. */
export interface SimNodeOptions {
  /** @default {"n" and the node's number} */
  /** What people call the node. @default {n and its number} */
  readonly nodeId?: string;
  /** Take the host of another node, which must be down for good: a replacement at the same address. */
  readonly host?: number;
  /** @default {"unknown"} */
  /** @default {unknown} */
  readonly region?: string;
  /** Gossip label. @default {""} */
  readonly label?: string;
  /** Gossip keys, primary first; 16, 24 or 32 bytes each. @default {[]} */
  readonly keys?: readonly Uint8Array[];
  /** Numbers of the hosts that it is configured to join. @default {the first three} */
  readonly seeds?: readonly number[];
  /** How far its wall clock is off. @default {0} */
  readonly skewMs?: Millis;
  /** How much faster than the others' its wall clock runs, in parts per million. @default {0} */
  readonly driftPpm?: number;
  /** Tuning of membership. */
  readonly membership?: MembershipOptions;
  /** `false`: membership alone. */
  readonly replication?: SimReplicationOptions | false;
  /** Bugs to plant. @default {none} */
  readonly plants?: Plants;
}

/** {@linkcode SimNodeOptions} after defaults. */
export interface ResolvedNode {
  readonly nodeId: string;
  /** The memberlist name. */
  readonly name: string;
  readonly gossipAddress: Address;
  readonly rpcAddress: Address;
  readonly rpcPort: number;
  readonly region: string;
  readonly label: string;
  readonly keys: readonly Uint8Array[];
  readonly seeds: readonly Address[];
  readonly membership: MembershipOptions;
  readonly replication: SimReplicationOptions | false;
  readonly plants: Plants;
}

const GOSSIP_PORT = 10_101;
const RPC_PORT = 10_102;

/** Where host `index` gossips. */
export function gossipAddressOf(index: number): Address {
  const number = index + 1;
  return formatAddress(`10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`, GOSSIP_PORT);
}

/** Fills in defaults for node `index`. */
export function resolveNode(
  index: number,
  host: number,
  options: SimNodeOptions,
): ResolvedNode {
  const nodeId = options.nodeId ?? `n${index}`;
  const gossipAddress = gossipAddressOf(host);
  const rpcAddress = gossipAddress.replace(/\d+$/, String(RPC_PORT));
  return {
    nodeId,
    name: `${nodeId}-${GOSSIP_PORT}`,
    gossipAddress,
    rpcAddress,
    rpcPort: RPC_PORT,
    region: options.region ?? "unknown",
    label: options.label ?? "",
    keys: options.keys ?? [],
    seeds: (options.seeds ?? []).map(gossipAddressOf),
    membership: options.membership ?? {},
    replication: options.replication ?? {},
    plants: options.plants ?? {},
  };
}
