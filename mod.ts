/**
 * Althing: turns any TypeScript gateway into a cluster.
 *
 * @module
 */

export * from "./src/core/machine.ts";
export * from "./src/core/errors.ts";
export * from "./src/core/log.ts";
export * from "./src/core/wire/cipher.ts";
export {
  bytesToIp,
  canonicalIp,
  formatAddress,
  ipToBytes,
  parseAddress,
  sameIp,
  unmapped,
} from "./src/core/address.ts";
export { AddressSpace } from "./src/core/address_space.ts";
export * from "./src/core/replication/frames.ts";
export * from "./src/ports/calendar.ts";
export * from "./src/ports/clock.ts";
export * from "./src/ports/datagrams.ts";
export * from "./src/ports/discovery.ts";
export * from "./src/ports/dns.ts";
export * from "./src/ports/entropy.ts";
export * from "./src/ports/host.ts";
export * from "./src/ports/http.ts";
export * from "./src/ports/interfaces.ts";
export * from "./src/ports/observer.ts";
export * from "./src/ports/rpc.ts";
export * from "./src/ports/runtime.ts";
export * from "./src/ports/sealer.ts";
export * from "./src/ports/storage.ts";
export * from "./src/ports/streams.ts";
export { parseGoDuration } from "./src/core/go_duration.ts";
export * from "./src/config/resolved.ts";
export { resolveConfig, type ResolveOptions } from "./src/config/resolve.ts";
export type { EnvLookup } from "./src/config/check.ts";
export { type EntitySeed, type GovernanceSeeds, governanceSeeds } from "./src/config/governance.ts";
export { type HostPort, parseHostPort } from "./src/config/host_port.ts";
export { configJsonSchema, type JsonObject } from "./src/config/json_schema.ts";
export {
  computeLeaders,
  type LeaderCandidate,
  type LeaderChange,
  leaderChanges,
  type Leaders,
} from "./src/core/coordination/leaders.ts";
export { compareVersions, type Version } from "./src/core/hlc.ts";
export type {
  MembershipCounters,
  MemberState,
  SuspicionEvidence,
} from "./src/core/membership/contract.ts";
export type {
  AwaitLevel,
  MemberAnswer,
  WriteAnswer,
  WriteOutcome,
} from "./src/core/replication/awaited.ts";
export type {
  LinkState,
  LinkView,
  ReplicationCounters,
  ReplicationView,
  SyncView,
} from "./src/core/replication/contract.ts";
export type { DropReason } from "./src/core/wire/contract.ts";
export type {
  ClusterMember,
  ClusterNode,
  NodeEvent,
  NodeKeys,
  NodeStatus,
  Readiness,
} from "./src/driver/cluster_node.ts";
export type { DoctorLine } from "./src/core/health/doctor.ts";
export type { DoctorReport } from "./src/driver/doctor.ts";
export { runDoctor } from "./src/driver/run_doctor.ts";
export type { DiscoveryChange, DiscoveryReport } from "./src/driver/discovery_report.ts";
export { createNode, type CreateNodeOptions } from "./src/driver/create_node.ts";
export type {
  AwaitOptions,
  Entities,
  Entity,
  EntityChange,
  EntityWrite,
} from "./src/driver/entities.ts";
export type { IfVersion, KeyValueOptions, KeyValues } from "./src/driver/kv.ts";
export type {
  ClusterGovernance,
  GovernanceOutcome,
  GovernanceRefusal,
  GovernanceRequest,
  GovernanceUse,
  GovernanceVerdict,
  GovernedLevel,
  GovernedLimit,
} from "./src/driver/limits/cluster_governance.ts";
export type {
  ClusterLimits,
  ConsumeOptions,
  ConsumeOutcome,
  DefinedLimit,
  LimitEvent,
  LimitItem,
  LimitReading,
  LimitSpec,
  LimitStanding,
  LimitsView,
  LimitVerdict,
  SettleOutcome,
  TakeOptions,
} from "./src/driver/limits/cluster_limits.ts";
export type { LimitsCounters, RefusalReason } from "./src/core/limits/contract.ts";
export type { LimitDefinition, StrengthName, WhenIsolated } from "./src/core/limits/definition.ts";
export type { SchemaVerdict, StandardSchema } from "./src/driver/standard_schema.ts";
export type { EntityWatch, WatchOptions } from "./src/driver/watch.ts";
export { VERSION } from "./src/version.ts";
export type { PersistenceView } from "./src/driver/persistence.ts";
