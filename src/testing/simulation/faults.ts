/**
 * What a simulated network does to what is sent through it.
 *
 * @module
 */

import type { Millis } from "../../core/machine.ts";

/** Chances and delays of datagrams; streams and links share the delay and the cuts. */
export interface NetworkFaults {
  /** Share of datagrams that vanish. @default {0} */
  readonly lossRatio?: number;
  /** Share of datagrams that arrive twice. @default {0} */
  readonly duplicateRatio?: number;
  /** Least and most delay of one hop; a wide span reorders. @default {[1, 5]} */
  readonly delayMs?: readonly [Millis, Millis];
  /** Largest datagram that gets through. @default {65507} */
  readonly datagramBytesMax?: number;
}

/** {@linkcode NetworkFaults} after defaults. */
export type ResolvedFaults = Readonly<Required<NetworkFaults>>;

/** Fills in defaults; throws `RangeError` for ratios outside 0..1 and for delays that run backwards. */
export function resolveFaults(faults: NetworkFaults): ResolvedFaults {
  const resolved: ResolvedFaults = {
    lossRatio: 0,
    duplicateRatio: 0,
    delayMs: [1, 5],
    datagramBytesMax: 65_507,
    ...faults,
  };
  const { lossRatio, duplicateRatio, delayMs: [least, most] } = resolved;
  if (!(lossRatio >= 0 && lossRatio <= 1 && duplicateRatio >= 0 && duplicateRatio <= 1)) {
    throw new RangeError(
      `Cannot simulate as ratios must be within 0..1: current values are ${lossRatio} and ${duplicateRatio}`,
    );
  }
  if (!(least >= 0 && most >= least)) {
    throw new RangeError(
      `Cannot simulate as delayMs must be [least, most]: current value is [${least}, ${most}]`,
    );
  }
  return resolved;
}

/** Which directed pairs of hosts can't talk. Hosts are numbered. */
export class Cuts {
  readonly #cut: Set<number> = new Set();

  /** Cuts every direction from a host of `from` to a host of `to`. */
  cut(from: readonly number[], to: readonly number[]): void {
    for (const a of from) for (const b of to) if (a !== b) this.#cut.add(key(a, b));
  }

  /** Mends the same directions; with no arguments all of them. */
  heal(from?: readonly number[], to?: readonly number[]): void {
    if (from === undefined || to === undefined) return this.#cut.clear();
    for (const a of from) for (const b of to) this.#cut.delete(key(a, b));
  }

  /** Whether nothing gets from `a` to `b`. */
  isCut(a: number, b: number): boolean {
    return this.#cut.size > 0 && this.#cut.has(key(a, b));
  }

  /** Whether any direction is cut. */
  get any(): boolean {
    return this.#cut.size > 0;
  }
}

function key(from: number, to: number): number {
  return from * 65_536 + to;
}
