/**
 * How timings and transmissions grow with the cluster (memberlist.md 4.1, 4.4, 4.5).
 *
 * @module
 */

import { ceilLog10, ceilLog2, log10 } from "../logarithm.ts";
import type { Millis } from "../machine.ts";

/** Members up to which state is exchanged at the configured interval. */
const PUSH_PULL_THRESHOLD = 32;

/** How often one broadcast is sent among `members`. */
export function retransmitLimit(retransmitMult: number, members: number): number {
  return members <= 0 ? 0 : retransmitMult * ceilLog10(members + 1);
}

/** The push/pull interval among `members`: ×1 up to 32, ×2 up to 64, ×3 up to 128 and so on. */
export function pushPullScale(intervalMs: Millis, members: number): Millis {
  if (members <= PUSH_PULL_THRESHOLD) return intervalMs;
  return intervalMs * (ceilLog2(members) - 5 + 1);
}

/** The shortest suspicion among `members`. */
export function suspicionTimeout(
  suspicionMult: number,
  members: number,
  probeIntervalMs: Millis,
): Millis {
  const scale = Math.max(1, log10(Math.max(1, members)));
  return suspicionMult * Math.floor(scale * 1000) * probeIntervalMs / 1000;
}
