/**
 * The Consul discovery at a real agent on loopback: how soon peers are found, and what a steady cluster asks.
 *
 * @module
 */

import { ConsulGate } from "../tests/interop/consul_gate.ts";
import { ConsulServer, MANAGEMENT_TOKEN } from "../tests/interop/consul_server.ts";
import { TwoPorts, Visitor } from "../tests/unit/discovery_consul/visitor.ts";
import type { BenchFigure } from "./cases.ts";
import { median } from "./measure.ts";
import { startToJoined } from "./start_to_joined.ts";

const ROUNDS = 9;
/** Between rounds: a session that has had much news lately is told more slowly. */
const REST_MS = 5_000;
const NODES = 100;
const STEADY_MS = 60_000;

/**
 * Milliseconds from the opening of a session to the answer that lists the peer, and from a registration to the answer
 * of a waiting session; then the questions of nodes while nothing changes.
 */
export async function consulFigures(): Promise<readonly BenchFigure[]> {
  await using server = await ConsulServer.start();
  await using gate = await ConsulGate.open(server.httpPort);
  await using ports = await TwoPorts.open();
  const address = `127.0.0.1:${gate.port}`;
  const open = (nodeId: string): Promise<Visitor> => {
    const options = { serviceName: "gateway", address, token: MANAGEMENT_TOKEN };
    return Visitor.open(options, { ...ports.place, nodeId });
  };
  await using peer = await open("peer");
  await peer.announce();
  await peer.sees("peer");
  const [found, news]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const nodeId = `newcomer-${round}`;
    await pass(REST_MS);
    const seen = peer.sees(nodeId);
    let startedAt = performance.now();
    await using newcomer = await open(nodeId);
    await newcomer.sees("peer");
    found.push(performance.now() - startedAt);
    startedAt = performance.now();
    await newcomer.announce();
    await seen;
    news.push(performance.now() - startedAt);
    await newcomer.withdraw();
  }
  const joined = await startToJoined({
    type: "consul",
    service_name: "joined",
    consul_address: address,
    consul_token: MANAGEMENT_TOKEN,
  });
  return [
    ...joined,
    { name: "found", unit: "ms", value: median(found) },
    { name: "news", unit: "ms", value: median(news) },
    { name: "steady", unit: "questions/node/min", value: await steady(gate, open) },
  ];
}

/** All questions that arrive in a while, of nodes that keep one under way as the finder does. */
async function steady(
  gate: ConsulGate,
  open: (nodeId: string) => Promise<Visitor>,
): Promise<number> {
  const visitors = await Promise.all(Array.from({ length: NODES }, (_, i) => open(`node-${i}`)));
  for (const visitor of visitors) await visitor.announce();
  const over = AbortSignal.timeout(REST_MS + 20_000 + STEADY_MS);
  const asking = visitors.map(async ({ session }) => {
    while (!over.aborted) await session.next(over).catch(() => {});
  });
  // The news of so many registrations is told within seconds.
  await pass(REST_MS + 15_000);
  const before = gate.passed.length;
  await pass(STEADY_MS);
  const count = gate.passed.length - before;
  await Promise.all(asking);
  for (const visitor of visitors) await visitor[Symbol.asyncDispose]();
  return count / NODES / (STEADY_MS / 60_000);
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
