/**
 * One of the gateways of `bench/overshoot.ts`: takes of one cap as fast as it can for a while and says how much it got.
 *
 * ```
 * overshoot_peer.ts approximate|leased|alone NAME CAP GATEWAYS [GOSSIP-ADDRESS]
 * overshoot_peer.ts redis NAME CAP PORT START-MS
 * ```
 *
 * The gateway that is told of nobody else defines the cap once all are there: that is the start for everybody.
 *
 * @module
 */

import process from "node:process";
import { type ClusterNode, createNode, type LimitSpec } from "../mod.ts";
import { eventually } from "../tests/eventually.ts";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import { RedisBucket } from "./redis_bucket.ts";
import { wallMs } from "./wall.ts";

const [kind = "", name = "", capText, place = "", peer] = process.argv.slice(2);
const CAP = Number(capText);
const LASTING_MS = 4_000;
/** Requests between two turns of the event loop. */
const PER_TURN = 20;
/** Requests under way at once where each waits for an answer. */
const AT_ONCE = 32;

// Nothing in a node keeps a process alive; whoever started this one ends it.
setInterval(() => {}, 1_000);

function say(said: string, more: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ said, atMs: wallMs(), ...more }));
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

async function start(): Promise<ClusterNode> {
  return await createNode(await runtimeUnderTest(), {
    cluster_config: {
      enabled: kind !== "alone",
      node_id: name,
      bind_addr: "127.0.0.1",
      peers: [peer ?? "127.0.0.1:1"],
      join_timeout_seconds: peer === undefined ? 0.2 : 20,
      ...(kind === "alone" ? {} : { expected_nodes: Number(place) }),
      gossip: { port: 0, profile: "local" },
      grpc: { port: 0 },
    },
  });
}

async function takeOfNode(): Promise<void> {
  const node = await start();
  say("up", { gossip: node.status().gossip });
  const isWhole = (): boolean =>
    node.readiness().ready && (kind === "alone" ||
      node.members().filter(({ state, healthy }) => state === "alive" && healthy).length ===
        Number(place));
  await eventually("all are there", isWhole, 60_000);
  if (peer === undefined) {
    const strength = kind === "leased" ? "leased" : "approximate";
    const spec: LimitSpec = { limit: CAP, window: "1d", strength, whenIsolated: "limit" };
    node.limits.define("cap", spec);
  }
  await eventually("the cap is defined", () => node.limits.read("cap") !== undefined, 60_000);
  let admitted = 0;
  const items = [{ limit: "cap", amount: 1 }];
  for (const until = performance.now() + LASTING_MS; performance.now() < until;) {
    for (let i = 0; i < PER_TURN; i++) if (node.limits.tryConsume(items).admitted) admitted++;
    await turn();
  }
  say("done", { admitted });
}

async function takeOfRedis(): Promise<void> {
  const bucket = await RedisBucket.open(Number(place));
  let admitted = 0;
  await eventually("it is time", () => wallMs() >= Number(peer), 60_000);
  const until = performance.now() + LASTING_MS;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() < until) if (await bucket.take("cap", 1, CAP)) admitted++;
  }));
  say("done", { admitted });
}

await (kind === "redis" ? takeOfRedis() : takeOfNode());
