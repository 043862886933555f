/**
 * The Kubernetes discovery at a real API server on loopback: how soon peers are found, and what a steady cluster asks.
 *
 * @module
 */

import { PEER_TOKEN } from "../tests/interop/kube_apiserver.ts";
import { KubernetesServer } from "../tests/interop/kubernetes_server.ts";
import { TcpProxy } from "../tests/interop/tcp_proxy.ts";
import { Account, type PodSession } from "../tests/unit/discovery_kubernetes/pod_session.ts";
import type { BenchFigure } from "./cases.ts";
import { median } from "./measure.ts";

const ROUNDS = 9;
const NODES = 100;
const STEADY_MS = 60_000;
const LABELS = { app: "gw" };

/**
 * Milliseconds from the opening of a session to the answer that lists the peer, and from telling the API server that a
 * pod runs to the answer of a waiting session; then the questions of nodes while nothing changes.
 */
export async function kubernetesFigures(): Promise<readonly BenchFigure[]> {
  await using server = await KubernetesServer.start();
  await using proxy = await TcpProxy.start(server.api.port);
  const namespace = await server.namespace();
  using account = await Account.make(proxy.port, { token: PEER_TOKEN, namespace });
  await server.admin.runPod(namespace, { name: "gw", labels: LABELS }, "10.9.0.1");
  await using waiting = await account.open();
  await sees(waiting, "10.9.0.1");
  const [found, news]: [number[], number[]] = [[], []];
  for (let round = 2; round < 2 + ROUNDS; round++) {
    let startedAt = performance.now();
    await using session = await account.open();
    await sees(session, "10.9.0.1");
    found.push(performance.now() - startedAt);
    await server.admin.makePod(namespace, { name: `gw-${round}`, labels: LABELS });
    startedAt = performance.now();
    const seen = sees(waiting, `10.9.0.${round}`).then(() => performance.now());
    await server.admin.setStatus(namespace, `gw-${round}`, { ip: `10.9.0.${round}` });
    news.push(await seen - startedAt);
  }
  return [
    { name: "found", unit: "ms", value: median(found) },
    { name: "news", unit: "ms", value: median(news) },
    { name: "steady", unit: "questions/node/min", value: await steady(proxy, account) },
  ];
}

/** All connections that are made in a while, of nodes that wait for news; a question has one of its own. */
async function steady(proxy: TcpProxy, account: Account): Promise<number> {
  const sessions = await Promise.all(Array.from({ length: NODES }, () => account.open()));
  await Promise.all(sessions.map((session) => sees(session, "10.9.0.1")));
  await pass(5_000);
  const before = proxy.accepted;
  await pass(STEADY_MS);
  const count = proxy.accepted - before;
  for (const session of sessions) await session[Symbol.asyncDispose]();
  return count / NODES / (STEADY_MS / 60_000);
}

async function sees(session: PodSession, host: string): Promise<void> {
  while (!(await session.next()).some((candidate) => candidate.host === host));
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
