/**
 * What all interop tests share: whether Go is there, quick timings, bytes and text.
 *
 * @module
 */

import { it } from "node:test";
import { goSkipReason } from "./go_build.ts";
import { buildGoPeer, type GoPeerRelease } from "./go_process.ts";

/** Both Go peers: today's wire and the one of v0.2.2. */
export const RELEASES: readonly GoPeerRelease[] = ["latest", "v0.2.2"];

/** The local preset with quicker probes: two nodes notice a death in about two seconds. */
export const QUICK = {
  probeIntervalMs: 400,
  probeTimeoutMs: 200,
  gossipIntervalMs: 50,
  suspicionMult: 3,
} as const;

/** For three nodes and more: the state exchange repairs what two transmissions a message may miss. */
export const MESH = { ...QUICK, pushPullIntervalMs: 1000 } as const;

const skip = goSkipReason();
if (skip === false) await Promise.all(RELEASES.map(buildGoPeer));

/** A test that needs Go: skipped with a reason where there is none, a failure in CI. */
export function withGo(name: string, test: () => Promise<void>): void {
  it(name, { skip, timeout: 90_000 }, test);
}

/** UTF-8 bytes of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The text of UTF-8 bytes. */
export function text(value: Uint8Array | undefined): string {
  return new TextDecoder().decode(value);
}

/** A key of 16, 24 or 32 bytes, all different. */
export function key(length: 16 | 24 | 32, first = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (first + i * 7) & 0xff);
}
