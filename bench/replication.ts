/**
 * Entities from one node to another: the machines alone, and real nodes over real links.
 *
 * @module
 */

import { createNode, type Runtime } from "../mod.ts";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import { eventually } from "../tests/eventually.ts";
import type { BenchFigure } from "./cases.ts";
import { quantile } from "./cluster_timing.ts";
import { benchInput } from "./go_peer.ts";
import { opsPerSecond } from "./measure.ts";
import { Pair } from "./pair.ts";
import { Helper } from "./helper.ts";
import { wallMs } from "./wall.ts";

/** About the size of a virtual key with its budget. */
const VALUE_BYTES = 200;

/** Entities written on one machine, sent, applied and acknowledged per second, both machines on one core. */
export function machineUpdates(): number {
  const pair = new Pair();
  const keys = Array.from({ length: 10_000 }, (_, i) => `key-${i}`);
  const value = benchInput(VALUE_BYTES);
  let next = 0;
  let written = 0;
  const rate = opsPerSecond(
    () => {
      for (let i = 0; i < 500; i++) {
        pair.write(keys[next++ % keys.length] as string, value);
        written++;
      }
      pair.tick();
      return pair.machines[1].counters.applied;
    },
    500,
    { measureMs: 2_000 },
  );
  pair.tick();
  const { applied } = pair.machines[1].counters;
  if (applied !== written) {
    throw new Error(`Cannot measure: of ${written} updates ${applied} were applied`);
  }
  return rate;
}

/** Entities in the burst, all of different keys: what is overwritten while it waits is sent once. */
const BURST = 50_000;
const STEADY_PER_SECOND = 1_000;
const STEADY_SECONDS = 10;

/** What a value of the steady stream says: when it was written. */
interface Stamped {
  readonly atMs: number;
  readonly pad: string;
}

/** From a node in this process to one in another, over gRPC on loopback, defaults throughout. */
export async function linkUpdates(): Promise<readonly BenchFigure[]> {
  const runtime = await runtimeUnderTest();
  await using sender = await startNode(runtime, "sender");
  await using receiver = await Helper.start("bench/replication_peer.ts", [
    sender.status().gossip ?? "",
  ]);
  await receiver.line("ready");
  await eventually(
    "the link stands",
    () => sender.status().replication.links.some(({ state }) => state === "open"),
    20_000,
  );
  const pad = "x".repeat(VALUE_BYTES - 40);

  // Warm first: a burst that does not count.
  await burst(sender.entities<Stamped>("warm"), BURST / 2, pad);
  await receiver.line(`warm ${BURST / 2}`);
  const began = wallMs();
  await burst(sender.entities<Stamped>("burst"), BURST, pad);
  const { atMs } = await receiver.line(`burst ${BURST}`);
  const rate = BURST * 1_000 / (atMs - began);

  const steady = sender.entities<Stamped>("steady");
  const total = STEADY_PER_SECOND * STEADY_SECONDS;
  const from = performance.now();
  for (let i = 0; i < total;) {
    const due = Math.floor((performance.now() - from) * STEADY_PER_SECOND / 1_000);
    for (; i < Math.min(due, total); i++) steady.set(`${i}`, { atMs: wallMs(), pad });
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { delays = [] } = await receiver.line(`steady ${total}`);
  return [
    { name: "burst", unit: "updates/s", value: rate },
    { name: "latency-median", unit: "ms", value: quantile(delays, 0.5) },
    { name: "latency-p99", unit: "ms", value: quantile(delays, 0.99) },
  ];
}

/** A node on free loopback ports; `peer` is whom to join. */
export function startNode(runtime: Runtime, nodeId: string, peer?: string) {
  return createNode(runtime, {
    cluster_config: {
      enabled: true,
      node_id: nodeId,
      bind_addr: "127.0.0.1",
      // Nobody listens at port 1: somebody has to be named.
      peers: [peer ?? "127.0.0.1:1"],
      join_timeout_seconds: peer === undefined ? 0.2 : 10,
      gossip: { port: 0, profile: "local" },
      grpc: { port: 0 },
    },
  });
}

type Writable = { set(key: string, value: Stamped): unknown };

/** Writes in slices, so that the event loop can send meanwhile. */
async function burst(entities: Writable, count: number, pad: string): Promise<void> {
  for (let i = 0; i < count;) {
    for (const end = Math.min(count, i + 500); i < end; i++) {
      entities.set(`${i}`, { atMs: 0, pad });
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
