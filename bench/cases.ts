/**
 * The registry of benchmarks. Every case loads its code itself, in a fresh process, so that one
 * case neither slows nor warms another. `bench/README.md` says how to add one.
 *
 * @module
 */

import type { RuntimeName } from "../tools/runtimes.ts";

/** What a case measured together with a peer in one run. */
export interface BenchOutcome {
  readonly value: number;
  /** Who the peer is, such as `"go memberlist"`. */
  readonly peer: string;
  /** The peer's figure for the same job, in the same unit. */
  readonly peerValue: number;
}

/** One thing worth measuring. */
export interface BenchCase {
  /** Room, subject and job, such as `"wire/crc32/1400"`. */
  readonly name: string;
  /** Of the value, such as `"B/s"`, `"packets/s"`, `"ms"`, `"B/member"`. */
  readonly unit: string;
  /** Measures once, on the runtime it finds itself on. */
  run(): Promise<number | BenchOutcome>;
  /** Measures a peer, once for all runtimes; `undefined` where this machine lacks it. */
  readonly peer?: {
    readonly name: string;
    measure(): Promise<number | undefined>;
  };
  /** Fresh processes per runtime, of which the median counts. @default {3} */
  readonly rounds?: number;
  /** Where it makes sense to run. @default all three */
  readonly runtimes?: readonly RuntimeName[];
}

/** A Go figure as a peer; the Go program is built and run when it is first asked. */
function go(name: GoBenchmark): NonNullable<BenchCase["peer"]> {
  return {
    name: "go",
    measure: async () => (await (await import("./go_peer.ts")).goFigures([name]))?.get(name)?.value,
  };
}

type GoBenchmark = import("./go_peer.ts").GoBenchmark;

/** All cases, in the order a reader wants them. */
export const cases: readonly BenchCase[] = [
  {
    name: "core/rng/u32",
    unit: "numbers/s",
    run: async () => (await import("./core.ts")).rngU32(),
  },
  {
    name: "wire/crc32/1400",
    unit: "B/s",
    run: async () => (await import("./core.ts")).crc32Packet(),
    peer: go("crc32-1400"),
  },
];
