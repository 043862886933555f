/**
 * What links need from the machine that owns them, and the bounds on what peers may send them.
 *
 * @module
 */

import type { Version } from "../hlc.ts";
import type { Millis } from "../machine.ts";
import type { Rng } from "../rng.ts";
import { KEYS_ACCEPTED_MAX, RANGES_ACCEPTED_MAX } from "./anti_entropy.ts";
import type { AgreedTable } from "./agreed.ts";
import type { Awaits } from "./awaits.ts";
import type { ClusterClock } from "./cluster_clock.ts";
import type { ReplicationConfig } from "./config.ts";
import type { ReplicationCounters, ReplicationEffect, ReplicationEvent } from "./contract.ts";
import { PREFIX_DIGITS_MAX } from "./digest.ts";
import type { Digest, Hello, Message, Pull } from "./frames.ts";
import type { Slot, Store } from "./store.ts";

/** The reason with which a stamp from the future is refused. */
export const FUTURE_STAMP = "future-stamp";

/** Most prefixes accepted in one pull. */
const PREFIXES_ACCEPTED_MAX = 256;

/** Most refusals accepted in one acknowledgement. */
export const REFUSALS_ACCEPTED_MAX = 65_536;

/** What all links of a node share. */
export interface LinkContext {
  readonly config: ReplicationConfig;
  readonly store: Store;
  readonly clock: ClusterClock;
  readonly rng: Rng;
  readonly counters: ReplicationCounters;
  /** Which writes we have certainly seen. */
  readonly agreed: AgreedTable;
  /** Writes whose writers wait. */
  readonly awaits: Awaits;
  /** First sync done. */
  readonly synced: boolean;
  /** Our greeting. */
  hello(now: Millis, wantSnapshot: boolean): Hello;
  /** Whether a version would be taken and not refused. */
  isAcceptable(version: Version, now: Millis): boolean;
  /** Gives an entry a new stamp that counts, here and everywhere. */
  restamp(slot: Slot, now: Millis, out: ReplicationEffect[]): void;
  /** A peer's application sent something. */
  received(message: Message, peer: string, out: ReplicationEffect[]): void;
  /** Tells the layers above. */
  emit(event: ReplicationEvent, out: ReplicationEffect[]): void;
}

/** Whether a digest is within what a peer of ours would send. */
export function isDigestWithin({ ranges }: Digest): boolean {
  if (ranges.length > RANGES_ACCEPTED_MAX) return false;
  let keys = 0;
  for (const range of ranges) {
    keys += range.leaf.length;
    if (range.prefix.length > PREFIX_DIGITS_MAX || keys > KEYS_ACCEPTED_MAX) return false;
  }
  return true;
}

/** Whether a pull is within what a peer of ours would send. */
export function isPullWithin({ keys, prefixes }: Pull): boolean {
  return keys.length <= KEYS_ACCEPTED_MAX && prefixes.length <= PREFIXES_ACCEPTED_MAX;
}
