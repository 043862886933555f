/**
 * Discovery by etcd with a real server on loopback: how soon nodes meet, how soon news is told, and what a steady
 * cluster asks.
 *
 * @module
 */

import { EtcdFollower } from "../tests/interop/etcd_follower.ts";
import { EtcdProxy } from "../tests/interop/etcd_proxy.ts";
import { EtcdServer } from "../tests/interop/etcd_server.ts";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import type { BenchFigure } from "./cases.ts";
import { median } from "./measure.ts";
import { startToJoined } from "./start_to_joined.ts";

const ROUNDS = 30;
const NODES = 100;
const SETTLE_MS = 15_000;
const STEADY_MS = 60_000;

/** Milliseconds until nodes meet and until a registration is told, and calls per node and minute of a hundred. */
export async function etcdFigures(): Promise<readonly BenchFigure[]> {
  await using server = await EtcdServer.start();
  const [member] = server.members;
  await using proxy = await EtcdProxy.start(member!.port);
  const joined = await startToJoined({
    type: "etcd",
    service_name: "bench",
    etcd_endpoints: [member!.endpoint],
  });
  return [
    ...joined,
    { name: "news", unit: "ms", value: await news(proxy) },
    { name: "steady", unit: "calls/node/min", value: await steady(proxy) },
  ];
}

/** From the call that registers a node until another one is told of it. */
async function news({ endpoint }: EtcdProxy): Promise<number> {
  const options = { serviceName: "news", endpoints: [endpoint] };
  const runtime = await runtimeUnderTest();
  await using standing = await EtcdFollower.idle(runtime, "standing", options);
  await standing.askOnce();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await using newcomer = await EtcdFollower.idle(runtime, `newcomer-${round}`, options);
    const told = standing.askOnce();
    // The watch is under way, and the last answer is not recent.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const beganMs = performance.now();
    await newcomer.announce();
    await told;
    times.push(performance.now() - beganMs);
  }
  return median(times);
}

/** Of nodes that are registered and always wait for news, as the finder does. */
async function steady(proxy: EtcdProxy): Promise<number> {
  const options = { serviceName: "steady", endpoints: [proxy.endpoint] };
  const runtime = await runtimeUnderTest();
  const nodes = await Promise.all(Array.from({ length: NODES }, (_, i) => {
    return EtcdFollower.start(runtime, `node-${i}`, options);
  }));
  try {
    await Promise.all(nodes.map((node) => node.announce()));
    await Promise.all(nodes.map((node) => node.finds(nodes.map(({ self }) => self.nodeId))));
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const before = proxy.calls;
    await new Promise((resolve) => setTimeout(resolve, STEADY_MS));
    return (proxy.calls - before) / NODES / (STEADY_MS / 60_000);
  } finally {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}
