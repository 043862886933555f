/**
 * Tuning of replication.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { Lane } from "./lanes.ts";
import { AGREED_CAPABILITY } from "./agreed.ts";
import { CHUNKS_CAPABILITY } from "./chunks.ts";
import { MESSAGES_CAPABILITY } from "./messages.ts";
import { fitsUtf8, NAME_BYTES_MAX } from "./versions.ts";

/** What a node may say about its replication; everything but the identity has a default. */
export interface ReplicationOptions {
  /** This node's id; the origin of its writes. */
  readonly nodeId: string;
  /** Different after every restart. */
  readonly bootId: string;
  /** Told to peers in `hello` and `welcome`. @default {all that this version can} */
  readonly capabilities?: readonly string[];
  /** Lanes of the application's own types. Built-in types keep theirs. @default {an empty map} */
  readonly lanes?: ReadonlyMap<string, Lane>;
  /** Types whose acknowledgements are told as events. @default {none} */
  readonly ackedTypes?: ReadonlySet<string>;
  /** A part-filled batch waits at least this long after the one before it. @default {5} */
  readonly flushIntervalMs?: Millis;
  /** Most entry bytes in a batch; a larger entry travels alone, one above 256 KiB in pieces. @default {65536} */
  readonly batchBytesMax?: number;
  /** Batches in flight per link. @default {8} */
  readonly windowBatches?: number;
  /** About how often digests are compared with a random peer. @default {30000} */
  readonly digestIntervalMs?: Millis;
  /** How far ahead of cluster time a stamp may be. @default {60000} */
  readonly clockSkewMaxMs?: Millis;
  /** How long a delete is remembered. @default {86400000} */
  readonly tombstoneHorizonMs?: Millis;
  /** How long to look for somebody with state before declaring ourselves ready; 0: at once. @default {15000} */
  readonly joinTimeoutMs?: Millis;
  /** How many nodes the cluster is meant to have: all in touch and none ready, nobody waits. @default {0: not known} */
  readonly expectedNodes?: number;
  /** A snapshot that stands still this long is asked of another peer. @default {5000} */
  readonly snapshotStallMs?: Millis;
  /** First pause before dialling again; doubles, jittered. @default {200} */
  readonly backoffMinMs?: Millis;
  /** Longest pause before dialling again. @default {10000} */
  readonly backoffMaxMs?: Millis;
  /** How long a stream may take to open and to greet. @default {10000} */
  readonly handshakeTimeoutMs?: Millis;
  /** A link whose oldest batch is unacknowledged this long is cut and dialled again. @default {30000} */
  readonly ackTimeoutMs?: Millis;
  /** An entry that a peer refused for its stamp is offered again after this. @default {15000} */
  readonly refusedRetryMs?: Millis;
  /** Largest value. @default {16777216} */
  readonly valueBytesMax?: number;
  /** What the store may hold, roughly; new keys from peers are refused above. @default {4294967296} */
  readonly storeBytesMax?: number;
  /** Most accepted links at once. @default {4096} */
  readonly inboundLinksMax?: number;
}

/** What this version can do beyond the first one. */
export const CAPABILITIES: readonly string[] = [
  "ack:v1",
  MESSAGES_CAPABILITY,
  CHUNKS_CAPABILITY,
  AGREED_CAPABILITY,
  "limits:v1",
];

/** {@linkcode ReplicationOptions} after defaults. */
export type ReplicationConfig = Readonly<Required<ReplicationOptions>>;

/** Fills in defaults; throws `RangeError` for what cannot work. */
export function resolveReplication(options: ReplicationOptions): ReplicationConfig {
  const config: ReplicationConfig = Object.freeze({
    capabilities: CAPABILITIES,
    lanes: new Map(),
    ackedTypes: new Set<string>(),
    flushIntervalMs: 5,
    batchBytesMax: 65_536,
    windowBatches: 8,
    digestIntervalMs: 30_000,
    clockSkewMaxMs: 60_000,
    tombstoneHorizonMs: 86_400_000,
    joinTimeoutMs: 15_000,
    expectedNodes: 0,
    snapshotStallMs: 5_000,
    backoffMinMs: 200,
    backoffMaxMs: 10_000,
    handshakeTimeoutMs: 10_000,
    ackTimeoutMs: 30_000,
    refusedRetryMs: 15_000,
    valueBytesMax: 16_777_216,
    storeBytesMax: 4_294_967_296,
    inboundLinksMax: 4_096,
    ...options,
  });
  checkName("nodeId", config.nodeId);
  checkName("bootId", config.bootId);
  atLeast("batchBytesMax", config.batchBytesMax, 1_024);
  atLeast("windowBatches", config.windowBatches, 1);
  atLeast("digestIntervalMs", config.digestIntervalMs, 10);
  atLeast("backoffMinMs", config.backoffMinMs, 1);
  atLeast("backoffMaxMs", config.backoffMaxMs, config.backoffMinMs);
  atLeast("tombstoneHorizonMs", config.tombstoneHorizonMs, 2 * config.clockSkewMaxMs);
  return config;
}

function checkName(name: string, value: string): void {
  if (value !== "" && fitsUtf8(value, NAME_BYTES_MAX)) return;
  throw new RangeError(
    `Cannot configure replication as ${name} must be text of 1 to ${NAME_BYTES_MAX} bytes: ` +
      `current value is "${value}"`,
  );
}

function atLeast(name: string, value: number, least: number): void {
  if (value >= least) return;
  throw new RangeError(
    `Cannot configure replication as ${name} must be >= ${least}: current value is ${value}`,
  );
}
