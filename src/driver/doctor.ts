/**
 * The doctor: tries every way between this node and all its candidates, and says what is wrong and what to do.
 *
 * @module
 */

import type { ResolvedConfig } from "../config/resolved.ts";
import {
  type DoctorLine,
  doctorLines,
  type PeerFindings,
  type SourceFindings,
} from "../core/health/doctor.ts";
import type { Address, Millis } from "../core/machine.ts";
import { createPacketCodec } from "../core/wire/packet_codec.ts";
import { createStreamCodec } from "../core/wire/stream_codec.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { DiscoveryReport } from "./discovery_report.ts";
import { DoctorProbe } from "./doctor_probe.ts";
import type { NodeSecurity } from "./node_security.ts";
import { wireConfig } from "./wire_config.ts";

/** What the doctor found. */
export interface DoctorReport {
  /** Our gossip address. */
  readonly self: Address;
  /** Whether nothing is wrong. */
  readonly ok: boolean;
  /** The table, a verdict per line. */
  readonly lines: readonly DoctorLine[];
}

/** What the doctor is told of this node. */
export interface DoctorOptions {
  readonly runtime: Runtime;
  readonly config: ResolvedConfig;
  readonly security: NodeSecurity;
  readonly self: Address;
  /** Gossip addresses of candidates and members, ourselves left out. */
  readonly addresses: readonly Address[];
  readonly sources: readonly DiscoveryReport[];
  /** When the last packet of that address came; left out: nobody listens. */
  readonly heardAgoMs?: (address: Address) => Millis | undefined;
  /** Whether that node keeps a link to us; left out: nobody listens. */
  readonly hasLinkFrom?: (nodeId: string) => boolean;
  /** Whether that is this node itself. */
  readonly isSelf: (address: Address) => boolean;
}

/** More candidates than this are not examined. */
const PEERS_MAX = 128;
/** Examined at a time. */
const AT_ONCE = 16;
const TIMEOUT_MS_MAX: Millis = 3_000;

/** Examines every candidate, and those whom they hold for alive. */
export async function examine(options: DoctorOptions): Promise<DoctorReport> {
  const { runtime, config, security, self, isSelf } = options;
  const wire = wireConfig(config, security.keyring);
  await using probe = await DoctorProbe.open({
    runtime,
    packetCodec: createPacketCodec(wire, runtime.sealer.crc32),
    streamCodec: createStreamCodec(wire),
    security: security.rpc,
    self,
    bindIp: config.bindIp,
    timeoutMs: Math.min(TIMEOUT_MS_MAX, config.grpc.dialTimeoutMs),
  });
  const queue = [...new Set(options.addresses)].filter((address) => !isSelf(address)).sort();
  const seen = new Set(queue);
  const found = new Map<Address, PeerFindings>();
  const work = async (): Promise<void> => {
    for (let address = queue.shift(); address !== undefined; address = queue.shift()) {
      if (found.size >= PEERS_MAX) return;
      const { findings, members } = await probe.examine(address);
      found.set(address, withEvidence(findings, options));
      for (const other of members) {
        if (seen.has(other) || isSelf(other)) continue;
        seen.add(other);
        queue.push(other);
      }
    }
  };
  // Twice: who was found by the last worker is examined as well.
  for (let round = 0; round < 2; round++) await Promise.all(Array.from({ length: AT_ONCE }, work));
  const peers = [...found.values()].sort((a, b) => a.address < b.address ? -1 : 1);
  const lines = doctorLines({
    self,
    profile: config.gossip.profile,
    peers,
    sources: options.sources.map(sourceFindings),
  });
  return { self, ok: lines.every(({ verdict }) => verdict === "ok"), lines };
}

function withEvidence(
  findings: PeerFindings,
  { heardAgoMs, hasLinkFrom }: DoctorOptions,
): PeerFindings {
  const ago = heardAgoMs?.(findings.address);
  const { nodeId, foreign } = findings;
  const known = hasLinkFrom !== undefined && nodeId !== undefined && foreign !== true;
  const isLinked = known && hasLinkFrom(nodeId);
  return {
    ...findings,
    listened: heardAgoMs !== undefined,
    ...(ago === undefined ? {} : { heardAgoMs: ago }),
    ...(known
      ? {
        rpcBack: isLinked
          ? { ok: true, detail: "it keeps a link to us" }
          : { ok: false, detail: "it has no link to us" },
      }
      : {}),
  };
}

function sourceFindings(report: DiscoveryReport): SourceFindings {
  const { source, candidates, skipped, unresolved, failures, lastError, announced } = report;
  return {
    source,
    candidates,
    skipped,
    unresolved,
    ...(failures > 0 ? { failure: lastError?.message ?? "it does not answer" } : {}),
    ...(announced === undefined ? {} : { announced }),
  };
}
