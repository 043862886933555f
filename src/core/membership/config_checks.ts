/**
 * What a membership configuration must satisfy before a machine takes it.
 *
 * @module
 */

import type { MembershipConfig } from "./config.ts";

/** Fields that are whole numbers, with the range each may have. */
const RANGES: readonly (readonly [keyof MembershipConfig, number, number])[] = [
  ["indirectChecks", 0, 64],
  ["awarenessMaxMultiplier", 1, 64],
  ["retransmitMult", 0, 64],
  ["gossipNodes", 0, 64],
  ["packetBytesMax", 512, 65_507],
  ["metaBytesMax", 0, 65_535],
  ["remoteMetaBytesMax", 0, 65_535],
  ["userBroadcastsMax", 1, 1_048_576],
  ["membersMax", 1, 1_048_576],
  ["tombstonesMax", 0, 1_048_576],
  ["acceptedStreamsMax", 1, 65_536],
  ["pushPullsMax", 1, 65_536],
  ["streamBufferBytesMax", 1024, Number.MAX_SAFE_INTEGER],
  ["relaysMax", 0, 1_048_576],
  ["unsolicitedPerSecondMax", 1, 1_048_576],
  ["joinParallelism", 1, 1024],
  ["leaveFanout", 0, 1024],
];

/** Fields that are durations; `true` where 0 means "off". */
const DURATIONS: readonly (readonly [keyof MembershipConfig, boolean])[] = [
  ["probeIntervalMs", true],
  ["probeTimeoutMs", false],
  ["tcpTimeoutMs", false],
  ["gossipIntervalMs", true],
  ["gossipToTheDeadMs", true],
  ["pushPullIntervalMs", true],
  ["deadNodeReclaimMs", true],
  ["tombstoneMs", true],
];

/** Throws `RangeError` naming the field, its value and what it may be. */
export function checkMembership(config: MembershipConfig): void {
  for (const [field, from, to] of RANGES) {
    const value = config[field] as number;
    if (!Number.isInteger(value) || value < from || value > to) {
      fail(`${field} must be an integer from ${from} to ${to}`, value);
    }
  }
  for (const [field, zeroIsOff] of DURATIONS) {
    const value = config[field] as number;
    if (!Number.isFinite(value) || value < 0 || (value === 0 && !zeroIsOff)) {
      fail(`${field} must be milliseconds${zeroIsOff ? ", or 0 for off" : " above 0"}`, value);
    }
  }
  if (config.probeIntervalMs > 0 && !(config.probeTimeoutMs < config.probeIntervalMs)) {
    fail(
      "probeTimeoutMs must be < probeIntervalMs",
      `${config.probeTimeoutMs} and ${config.probeIntervalMs}`,
    );
  }
  if (!(config.suspicionMult >= 1)) fail("suspicionMult must be >= 1", config.suspicionMult);
  if (!(config.suspicionMaxTimeoutMult >= 1)) {
    fail("suspicionMaxTimeoutMult must be >= 1", config.suspicionMaxTimeoutMult);
  }
  if (!(config.userShare >= 0 && config.userShare <= 1)) {
    fail("userShare must be from 0 to 1", config.userShare);
  }
  if (config.metaBytesMax > config.remoteMetaBytesMax) {
    fail(
      "metaBytesMax must be <= remoteMetaBytesMax",
      `${config.metaBytesMax} and ${config.remoteMetaBytesMax}`,
    );
  }
  checkVersions(config);
}

function checkVersions(config: MembershipConfig): void {
  const version = config.protocolVersion;
  if (!Number.isInteger(version) || version < 1 || version > 5) {
    fail("protocolVersion must be from 2 to 5", version);
  }
  if (version === 1 && !config.allowProtocolVersion1) {
    fail("protocolVersion 1 carries no ports and needs allowProtocolVersion1", version);
  }
  const { min, max, current } = config.delegateProtocol;
  const bytes = [min, max, current].every((v) => Number.isInteger(v) && v >= 0 && v <= 255);
  if (!bytes || min > current || current > max) {
    fail(
      "delegateProtocol must hold bytes with min <= current <= max",
      `${min}, ${max}, ${current}`,
    );
  }
}

function fail(rule: string, value: unknown): never {
  throw new RangeError(`Cannot configure membership as ${rule}: current value is ${value}`);
}
