/**
 * One writer, several readers: entities from a node to its peers, beside NATS and Redis doing the same fan-out.
 *
 * @module
 */

import { createClient } from "@redis/client";
import { connect } from "nats";
import { eventually } from "../tests/eventually.ts";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import type { BenchFigure } from "./cases.ts";
import { quantile } from "./cluster_timing.ts";
import { Helper } from "./helper.ts";
import { LoopbackServer } from "./loopback_server.ts";
import { startNode } from "./replication.ts";
import { wallMs } from "./wall.ts";

/** What every update says; with its quotes about 256 bytes of JSON. */
export interface Update {
  readonly atMs: number;
  readonly pad: string;
}

const PAD = "x".repeat(256 - 36);
/** Updates of different keys, one after the other as fast as they are taken. */
const BURST = 100_000;
const STEADY_PER_SECOND = 1_000;
const STEADY = 10_000;

/** Somebody who sends to all peers. `drained` resolves when the sender may go on. */
interface Sender extends AsyncDisposable {
  /** For the peers' command line: where they find it. */
  readonly place: string;
  readonly kind: "ours" | "nats" | "redis";
  send(subject: string, key: string, update: Update): void;
  drained(): Promise<unknown>;
  /** Resolves when so many peers listen. */
  listening(peers: number): Promise<unknown>;
}

/** Updates per second applied on all of so many peers, and the delays at 1,000 updates per second. */
export async function fanOut(peers: number): Promise<readonly BenchFigure[]> {
  const ours = await measured(await ourSender(), peers);
  const nats = await measured(await natsSender(), peers);
  const redis = await measured(await redisSender(), peers);
  const figures = (
    name: string,
    unit: string,
    of: (result: Measured) => number,
  ): BenchFigure[] =>
    [["nats", nats], ["redis", redis]].flatMap(([peer, result]) =>
      typeof result !== "object" || ours === undefined ? [] : [{
        name: `${name}-beside-${peer as string}`,
        unit,
        value: of(ours),
        peer: peer as string,
        peerValue: of(result),
      }]
    );
  return [
    ...figures("burst", "updates/s", ({ perSecond }) => perSecond),
    ...figures("delay-median", "ms", ({ delays }) => quantile(delays, 0.5)),
    ...figures("delay-p99", "ms", ({ delays }) => quantile(delays, 0.99)),
  ];
}

interface Measured {
  readonly perSecond: number;
  readonly delays: readonly number[];
}

async function measured(made: Sender | undefined, peers: number): Promise<Measured | undefined> {
  if (made === undefined) return undefined;
  await using sender = made;
  const helpers: Helper[] = [];
  try {
    for (let i = 0; i < peers; i++) {
      const args = [sender.kind, `peer-${i}`, sender.place, `${BURST}`, `${STEADY}`];
      const helper = await Helper.start("bench/fan_out_peer.ts", args);
      helpers.push(helper);
      await helper.line("ready");
    }
    await sender.listening(peers);
    return await send(sender, helpers);
  } finally {
    for (const helper of helpers) await helper[Symbol.asyncDispose]();
  }
}

async function send(sender: Sender, helpers: readonly Helper[]): Promise<Measured> {
  await burst(sender, "warm", BURST / 4);
  const began = wallMs();
  await burst(sender, "burst", BURST);
  const ends = await Promise.all(helpers.map((helper) => helper.line("burst")));
  const perSecond = BURST * 1_000 / (Math.max(...ends.map(({ atMs }) => atMs)) - began);

  const from = performance.now();
  for (let i = 0; i < STEADY;) {
    const due = Math.floor((performance.now() - from) * STEADY_PER_SECOND / 1_000);
    for (; i < Math.min(due, STEADY); i++) {
      sender.send("steady", `${i}`, { atMs: wallMs(), pad: PAD });
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const lines = await Promise.all(helpers.map((helper) => helper.line("steady")));
  return { perSecond, delays: lines.flatMap(({ delays = [] }) => delays) };
}

/** Sends in slices, so that the event loop can write meanwhile. */
async function burst(sender: Sender, subject: string, count: number): Promise<void> {
  for (let i = 0; i < count;) {
    for (const end = Math.min(count, i + 500); i < end; i++) {
      sender.send(subject, `${i}`, { atMs: 0, pad: PAD });
    }
    await sender.drained();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function ourSender(): Promise<Sender> {
  const node = await startNode(await runtimeUnderTest(), "sender");
  const types = new Map<string, ReturnType<typeof node.entities<Update>>>();
  const of = (type: string) => {
    const known = types.get(type) ?? node.entities<Update>(type);
    types.set(type, known);
    return known;
  };
  return {
    kind: "ours",
    place: node.status().gossip ?? "",
    send: (subject, key, update) => void of(subject).set(key, update),
    drained: () => Promise.resolve(),
    listening: (peers) =>
      eventually("the links stand", () => {
        const { links } = node.status().replication;
        return links.filter(({ state }) => state === "open").length === peers;
      }, 60_000),
    [Symbol.asyncDispose]: () => node.close(),
  };
}

async function natsSender(): Promise<Sender | undefined> {
  const server = await LoopbackServer.start("nats-server");
  if (server === undefined) return undefined;
  const connection = await connect({ servers: `127.0.0.1:${server.port}` });
  const encoder = new TextEncoder();
  return {
    kind: "nats",
    place: `${server.port}`,
    send: (subject, key, update) =>
      connection.publish(subject, encoder.encode(JSON.stringify({ key, ...update }))),
    drained: () => connection.flush(),
    listening: () => connection.flush(),
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function redisSender(): Promise<Sender | undefined> {
  const server = await LoopbackServer.start("redis-server");
  if (server === undefined) return undefined;
  const client = createClient({ socket: { host: "127.0.0.1", port: server.port } });
  await client.connect();
  let last: Promise<unknown> = Promise.resolve();
  return {
    kind: "redis",
    place: `${server.port}`,
    send: (subject, key, update) => {
      last = client.publish(subject, JSON.stringify({ key, ...update }));
    },
    drained: () => last,
    listening: () => client.ping(),
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}
