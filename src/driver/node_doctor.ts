/** @module */

import type { ResolvedConfig } from "../config/resolved.ts";
import type { Replication } from "../core/replication/machine.ts";
import type { Runtime } from "../ports/runtime.ts";
import { type DoctorReport, examine } from "./doctor.ts";
import type { GossipMember } from "./gossip_member.ts";
import type { NodeSecurity } from "./node_security.ts";

/** Examines the cluster from inside of a running node, which knows more than one that has yet to start. */
export function examineFrom(
  gossip: GossipMember,
  replication: Replication,
  parts: {
    readonly runtime: Runtime;
    readonly config: ResolvedConfig;
    readonly security: NodeSecurity;
  },
): Promise<DoctorReport> {
  return examine({
    ...parts,
    self: gossip.address,
    addresses: gossip.candidates,
    sources: gossip.discovery(),
    isSelf: (address) => gossip.isSelf(address),
    heardAgoMs: (from) => gossip.heardAgoMs(from),
    hasLinkFrom: (nodeId) => replication.view().inboundPeers.includes(nodeId),
  });
}
