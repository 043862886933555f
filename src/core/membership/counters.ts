/**
 * The machine's counters while they count.
 *
 * @module
 */

import type { DropReason } from "../wire/contract.ts";
import type { MembershipCounters } from "./contract.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** {@linkcode MembershipCounters}, writable. */
export type Counters = Mutable<Omit<MembershipCounters, "dropped">> & {
  readonly dropped: Record<DropReason, number>;
};

/** All at zero. */
export function zeroCounters(): Counters {
  return {
    packetsIn: 0,
    packetsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    streamsAccepted: 0,
    streamsDialled: 0,
    streamsRefused: 0,
    streamsExpired: 0,
    probes: 0,
    probesFailed: 0,
    probesByTcp: 0,
    refutations: 0,
    queueOverflow: 0,
    reflectionsRefused: 0,
    mergesRefused: 0,
    aliveRefused: 0,
    incarnationsRefused: 0,
    tombstoned: 0,
    membersRefused: 0,
    conflicts: 0,
    broadcastsRefused: 0,
    lags: 0,
    dropped: {
      empty: 0,
      label: 0,
      decrypt: 0,
      plaintext: 0,
      crc: 0,
      "unknown-type": 0,
      compound: 0,
      compress: 0,
      malformed: 0,
      "too-large": 0,
      nesting: 0,
    },
  };
}

/** A copy that later counting leaves alone. */
export function snapshotCounters(counters: Counters): MembershipCounters {
  return { ...counters, dropped: { ...counters.dropped } };
}
