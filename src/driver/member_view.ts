/**
 * Gossip's members joined with their metadata.
 *
 * @module
 */

import { formatAddress, parseAddress } from "../core/address.ts";
import { ClusterError } from "../core/errors.ts";
import type { Verdict } from "../core/health/link_health.ts";
import type { Address } from "../core/machine.ts";
import type { Member } from "../core/membership/contract.ts";
import type { ClusterMember } from "./cluster_node.ts";
import { decodeNodeMeta, type NodeMeta } from "./node_meta.ts";

/** A member with its decoded metadata; `meta` is absent for a foreign one. */
export interface KnownMember {
  readonly member: Member;
  readonly meta: NodeMeta | undefined;
}

/** Decodes metadata once per distinct member snapshot. */
export class MetaCache {
  readonly #known: WeakMap<Uint8Array, { readonly meta: NodeMeta | undefined }> = new WeakMap();

  /** The member with its metadata. */
  read(member: Member): KnownMember {
    let entry = this.#known.get(member.meta);
    if (entry === undefined) {
      entry = { meta: decodeNodeMeta(member.meta) };
      this.#known.set(member.meta, entry);
    }
    return { member, meta: entry.meta };
  }
}

/** Where the member's RPC server is; `undefined` for a foreign one. */
export function rpcAddressOf({ member, meta }: KnownMember): Address | undefined {
  if (meta === undefined || meta.rpcPort === 0) return undefined;
  const host = meta.rpcHost === "" ? parseAddress(member.address)?.ip : meta.rpcHost;
  return host === undefined ? undefined : formatAddress(host, meta.rpcPort);
}

/** What people see. A foreign member is judged by gossip alone. */
export function clusterMember(known: KnownMember, self: string, verdict: Verdict): ClusterMember {
  const { member, meta } = known;
  return {
    name: member.name,
    nodeId: meta?.nodeId ?? member.name,
    bootId: meta?.bootId ?? "",
    address: member.address,
    rpc: rpcAddressOf(known),
    region: meta?.region ?? "unknown",
    capabilities: meta?.capabilities ?? [],
    version: meta?.version ?? "",
    startedMs: meta?.startedMs ?? 0,
    state: member.state,
    incarnation: member.incarnation,
    foreign: meta === undefined,
    self: member.name === self,
    healthy: verdict.healthy,
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(member.rttMs === undefined ? {} : { rttMs: member.rttMs }),
    ...(member.evidence === undefined ? {} : { evidence: member.evidence }),
  };
}

/** The member of that node id, a foreign one by its name; throws `unknown-member`. */
export function memberNamed(nodeId: string, known: readonly KnownMember[]): KnownMember {
  const found = known.find(({ member, meta }) => (meta?.nodeId ?? member.name) === nodeId);
  if (found !== undefined) return found;
  throw new ClusterError(
    "unknown-member",
    `Cannot send to ${JSON.stringify(nodeId)}: there is no such member`,
  );
}

/** What a node that talks to nobody sees: itself. */
export function lonelyMember(name: string, port: number, meta: NodeMeta): KnownMember {
  return {
    member: {
      name,
      address: formatAddress("127.0.0.1", port),
      state: "alive",
      incarnation: 1,
      meta: new Uint8Array(),
      vsn: new Uint8Array(6),
      stateChangedMs: 0,
    },
    meta,
  };
}
