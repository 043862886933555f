/**
 * A receiver of `bench/fan_out.ts`: takes updates from a node, from NATS or from Redis, and says when all are there.
 *
 * ```
 * fan_out_peer.ts ours NODE-ID GOSSIP-ADDRESS BURST STEADY
 * fan_out_peer.ts nats|redis NAME PORT BURST STEADY
 * ```
 *
 * @module
 */

import process from "node:process";
import { createClient } from "@redis/client";
import { connect } from "nats";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import { eventually } from "../tests/eventually.ts";
import type { Update } from "./fan_out.ts";
import { startNode } from "./replication.ts";
import { wallMs } from "./wall.ts";

const [kind, name = "", place = "", burst, steady] = process.argv.slice(2);
const wanted: Readonly<Record<string, number>> = { burst: Number(burst), steady: Number(steady) };
const seen: Record<string, number> = { warm: 0, burst: 0, steady: 0 };
const delays: number[] = [];

function say(said: string, more: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ said, atMs: wallMs(), ...more }));
}

/** One update has come and was decoded. */
function take(subject: string, { atMs }: Update): void {
  const count = seen[subject] = (seen[subject] ?? 0) + 1;
  if (subject === "steady") delays.push(wallMs() - atMs);
  if (count === wanted[subject]) say(subject, subject === "steady" ? { delays } : {});
}

if (kind === "ours") {
  const node = await startNode(await runtimeUnderTest(), name, place);
  node.subscribe((event) => {
    if (event.type !== "entity" || event.change.value === undefined) return;
    take(event.change.type, event.change.value as Update);
  });
  await eventually("the receiver is ready", () => node.readiness().ready, 30_000);
} else if (kind === "nats") {
  const connection = await connect({ servers: `127.0.0.1:${place}` });
  connection.subscribe(">", {
    callback: (_, message) => take(message.subject, message.json<Update>()),
  });
  await connection.flush();
} else {
  const client = createClient({ socket: { host: "127.0.0.1", port: Number(place) } });
  await client.connect();
  await client.subscribe(
    Object.keys(seen),
    (text, channel) => take(channel, JSON.parse(text) as Update),
  );
}
say("ready");
