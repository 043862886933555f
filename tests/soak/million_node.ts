/**
 * A node of `million_test.ts`.
 *
 * ```
 * million_node.ts sender COUNT
 * million_node.ts newcomer COUNT GOSSIP-ADDRESS
 * ```
 *
 * The sender holds COUNT entities before anybody comes and goes on writing until the newcomer has all of them. What
 * happens is told as lines of JSON.
 *
 * @module
 */

import process from "node:process";
import { type ClusterNode, createNode } from "../../mod.ts";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";

const PATIENCE_MS = 600_000;
/** Of so many entities one is compared, besides all that are written meanwhile. */
const SAMPLE_EVERY = 997;
const BATCH = 500;

interface Value {
  readonly seq: number;
  readonly pad: string;
  readonly isLast?: boolean;
}

const [role, countText, peer] = process.argv.slice(2);
const count = Number(countText);

let peakMib = 0;
setInterval(() => peakMib = Math.max(peakMib, rssMib()), 50).unref();

function rssMib(): number {
  return Math.round(process.memoryUsage.rss() / 1_048_576);
}

function say(said: string, more: Record<string, unknown>): void {
  console.log(JSON.stringify({ said, ...more }));
}

async function start(nodeId: string): Promise<ClusterNode> {
  return await createNode(await runtimeUnderTest(), {
    cluster_config: {
      enabled: true,
      node_id: nodeId,
      bind_addr: "127.0.0.1",
      peers: [peer ?? "127.0.0.1:1"],
      join_timeout_seconds: peer === undefined ? 0.2 : 60,
      gossip: { port: 0, profile: "local" },
      grpc: { port: 0 },
    },
  });
}

/** What both must hold alike. */
function sample(node: ClusterNode): string {
  const entities = node.entities<Value>("million");
  let sum = 0;
  for (let i = 0; i < count; i += SAMPLE_EVERY) {
    const { seq = -1, pad = "" } = entities.get(`key-${i}`) ?? {};
    sum = (Math.imul(sum, 31) + seq + pad.length) | 0;
  }
  const live = entities.get("live");
  return `${entities.size} ${sum} ${live?.seq} ${live?.isLast}`;
}

async function send(): Promise<void> {
  await using node = await start("sender");
  const entities = node.entities<Value>("million");
  const pad = "x".repeat(80);
  for (let i = 0; i < count; i += BATCH) {
    const writes = Array.from(
      { length: Math.min(BATCH, count - i) },
      (_, at) => ({ key: `key-${i + at}`, value: { seq: i + at, pad } }),
    );
    entities.write(writes);
    if (i % (BATCH * 20) === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  peakMib = rssMib();
  say("filled", { gossip: node.status().gossip, mib: peakMib });

  let seq = 0;
  const write = (isLast: boolean): void => {
    seq++;
    entities.set("live", { seq, pad, isLast });
    // Old keys too, in the parts of the snapshot that have been sent and in those that have not.
    for (let i = 0; i < 10; i++) {
      entities.set(`key-${(seq * 7_919 + i * 104_729) % count}`, { seq: -seq, pad });
    }
  };
  await eventually("the newcomer is ready", () => {
    write(false);
    const newcomer = node.entities<boolean>("newcomer").get("ready");
    return newcomer;
  }, PATIENCE_MS);
  write(true);
  say("wrote", { rounds: seq, peakMib });
  await eventually("the newcomer has compared", () => {
    return node.entities<boolean>("newcomer").get("done");
  }, PATIENCE_MS);
  say("sent", { holds: sample(node) });
}

async function receive(): Promise<void> {
  await using node = await start("newcomer");
  const began = performance.now();
  let isProgressSeen = false;
  await eventually("it is ready", () => {
    isProgressSeen ||= (node.status().replication.sync?.entries ?? 0) > 0;
    return node.readiness().ready;
  }, PATIENCE_MS);
  const { size } = node.entities("million");
  say("ready", { ms: Math.round(performance.now() - began), size, peakMib, isProgressSeen });
  node.entities("newcomer").set("ready", true);
  const entities = node.entities<Value>("million");
  await eventually("the last write is here", () => entities.get("live")?.isLast, PATIENCE_MS);
  // What was written before the last one may travel in another lane.
  await eventually("nothing is under way", () => {
    return node.status().replication.links.every(({ dirty, inFlight }) => dirty + inFlight === 0);
  }, PATIENCE_MS);
  say("received", { holds: sample(node), peakMib });
  await node.entities("newcomer").set("done", true, { await: "all", timeoutMs: 60_000 });
}

await (role === "sender" ? send() : receive());
process.exit(0);
