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

/** One of several things that a case measures in one run. */
export interface BenchFigure {
  /** Goes behind the name of the case, with a slash between; empty: the case's own figure. */
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly peer?: string;
  readonly peerValue?: number;
}

/** One thing worth measuring. */
export interface BenchCase {
  /** Room, subject and job, such as `"wire/crc32/1400"`. */
  readonly name: string;
  /** Of the value, where the run does not say itself, such as `"B/s"`, `"packets/s"`, `"ms"`, `"B/member"`. */
  readonly unit: string;
  /** Measures once, on the runtime it finds itself on. */
  run(): Promise<number | BenchOutcome | readonly BenchFigure[]>;
  /** Measures a peer, once for all runtimes; `undefined` where this machine lacks it. */
  readonly peer?: {
    readonly name: string;
    measure(): Promise<number | undefined>;
  };
  /** The process can be told to collect garbage. @default {false} */
  readonly collectable?: boolean;
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
    name: "membership/ping/handle",
    unit: "packets/s",
    run: async () => await (await import("./handle.ts")).pingsHandled(0),
    peer: go("ping-handled"),
  },
  {
    name: "membership/ping/handle-aes-128",
    unit: "packets/s",
    run: async () => await (await import("./handle.ts")).pingsHandled(16),
    peer: go("ping-handled-aes-128"),
  },
  {
    name: "membership/table/10000",
    unit: "B/member",
    collectable: true,
    run: async () => await (await import("./members.ts")).bytesPerMember(),
  },
  {
    name: "wire/crc32/1400",
    unit: "B/s",
    run: async () => await (await import("./wire.ts")).crc32OfRuntime(),
    peer: go("crc32-1400"),
  },
  {
    name: "wire/crc32-portable/1400",
    unit: "B/s",
    run: async () => (await import("./wire.ts")).crc32Portable(),
    peer: go("crc32-1400"),
  },
  ...([1400, 65536] as const).flatMap((size): BenchCase[] => [
    {
      name: `wire/lzw/compress-${size}`,
      unit: "B/s",
      run: async () => (await import("./wire.ts")).lzwCompress(size),
      peer: go(`lzw-compress-${size}`),
    },
    {
      name: `wire/lzw/decompress-${size}`,
      unit: "B/s",
      run: async () => (await import("./wire.ts")).lzwDecompress(size),
      peer: go(`lzw-decompress-${size}`),
    },
  ]),
  ...([128, 256] as const).flatMap((bits): BenchCase[] => [
    {
      name: `wire/aes-${bits}/seal-1400`,
      unit: "packets/s",
      run: async () => await (await import("./wire.ts")).aesSeal(bits),
      peer: go(`aes-${bits}-seal`),
    },
    {
      name: `wire/aes-${bits}/open-1400`,
      unit: "packets/s",
      run: async () => await (await import("./wire.ts")).aesOpen(bits),
      peer: go(`aes-${bits}-open`),
    },
  ]),
  {
    name: "simulation/membership-1000",
    unit: "s/s",
    rounds: 1,
    run: async () => (await import("./simulation.ts")).membershipPace(1_000),
  },
  {
    name: "simulation/whole-40",
    unit: "s/s",
    run: async () => (await import("./simulation.ts")).wholeNodesPace(40),
  },
  {
    name: "replication/machine/updates",
    unit: "updates/s",
    run: async () => (await import("./replication.ts")).machineUpdates(),
  },
  {
    name: "replication/link",
    unit: "updates/s",
    run: async () => await (await import("./replication.ts")).linkUpdates(),
  },
  {
    name: "replication/digest-1000000",
    unit: "B",
    rounds: 1,
    run: async () => (await import("./digests.ts")).digestExchange(1_000_000),
  },
  {
    name: "replication/entity",
    unit: "B/entity",
    collectable: true,
    run: async () => await (await import("./held.ts")).bytesPerEntity(),
  },
  {
    name: "limits/overshoot",
    unit: "admitted",
    run: async () => await (await import("./overshoot.ts")).overshoot(),
  },
  {
    name: "limits/counter",
    unit: "B/counter",
    collectable: true,
    run: async () => await (await import("./held.ts")).bytesPerCounter(),
  },
  {
    name: "limits/admission/approximate",
    unit: "decisions/s",
    run: async () => await (await import("./admission.ts")).approximateAdmission(),
  },
  ...([2, 9] as const).map((peers): BenchCase => ({
    name: `replication/fan-out-${peers}`,
    unit: "updates/s",
    rounds: 1,
    run: async () => await (await import("./fan_out.ts")).fanOut(peers),
  })),
  {
    name: "discovery/consul",
    unit: "ms",
    rounds: 1,
    run: async () => await (await import("./discovery_consul.ts")).consulFigures(),
  },
  {
    name: "discovery/etcd",
    unit: "ms",
    rounds: 1,
    run: async () => await (await import("./discovery_etcd.ts")).etcdFigures(),
  },
  {
    name: "discovery/kubernetes",
    unit: "ms",
    rounds: 1,
    run: async () => await (await import("./discovery_kubernetes.ts")).kubernetesFigures(),
  },
  {
    name: "node/idle",
    unit: "% of a core",
    rounds: 1,
    run: async () => await (await import("./idle.ts")).idleNode(),
  },
  ...(["local", "lan"] as const).map((preset): BenchCase => ({
    name: `cluster/${preset}`,
    unit: "ms",
    rounds: 1,
    run: async () => await (await import("./cluster.ts")).joinAndDetect(preset),
  })),
];
