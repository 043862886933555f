/**
 * memberlist's three presets (memberlist.md 5), with the bounds that are ours.
 *
 * @module
 */

import type { MembershipConfig } from "./config.ts";

/** Which preset to start from. */
export type MembershipProfile = "lan" | "wan" | "local";

type Base = Omit<MembershipConfig, "cidrsAllowed">;

const LAN: Base = {
  profile: "lan",
  protocolVersion: 2,
  allowProtocolVersion1: false,
  delegateProtocol: { min: 0, max: 0, current: 0 },
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  disableTcpPings: false,
  disableTcpPingsFor: [],
  tcpTimeoutMs: 10_000,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  awarenessMaxMultiplier: 8,
  retransmitMult: 4,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  pushPullIntervalMs: 30_000,
  deadNodeReclaimMs: 10_000,
  packetBytesMax: 1400,
  metaBytesMax: 512,
  remoteMetaBytesMax: 4096,
  requireNodeNames: false,
  userBroadcastsMax: 1024,
  userShare: 0.25,
  membersMax: 100_000,
  tombstoneMs: 86_400_000,
  tombstonesMax: 8192,
  acceptedStreamsMax: 128,
  pushPullsMax: 128,
  streamBufferBytesMax: 134_217_728,
  relaysMax: 1024,
  unsolicitedPerSecondMax: 128,
  joinParallelism: 8,
  leaveFanout: 3,
};

/** The presets by name. */
export const PROFILES: Readonly<Record<MembershipProfile, Base>> = {
  lan: LAN,
  wan: {
    ...LAN,
    profile: "wan",
    tcpTimeoutMs: 30_000,
    suspicionMult: 6,
    pushPullIntervalMs: 60_000,
    probeTimeoutMs: 3000,
    probeIntervalMs: 5000,
    gossipNodes: 4,
    gossipIntervalMs: 500,
    gossipToTheDeadMs: 60_000,
    deadNodeReclaimMs: 30_000,
  },
  local: {
    ...LAN,
    profile: "local",
    tcpTimeoutMs: 1000,
    indirectChecks: 1,
    retransmitMult: 2,
    suspicionMult: 3,
    pushPullIntervalMs: 15_000,
    probeTimeoutMs: 200,
    gossipIntervalMs: 100,
    gossipToTheDeadMs: 15_000,
    deadNodeReclaimMs: 5000,
  },
};
