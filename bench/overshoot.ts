/**
 * A cap that five gateways hit at once, as fast as they can: how much is admitted.
 *
 * @module
 */

import type { BenchFigure } from "./cases.ts";
import { Helper } from "./helper.ts";
import { LoopbackServer } from "./loopback_server.ts";
import { wallMs } from "./wall.ts";

const GATEWAYS = 5;
const CAP = 10_000;
const PROGRAM = "bench/overshoot_peer.ts";

/** Admitted of a cap of 10,000, by strength, by Redis, and where every gateway counts alone. */
export async function overshoot(): Promise<readonly BenchFigure[]> {
  const figure = (name: string, value: number): BenchFigure => ({ name, unit: "admitted", value });
  const figures: BenchFigure[] = [];
  for (const kind of ["approximate", "leased", "alone"]) {
    figures.push(figure(kind, await ofNodes(kind)));
  }
  const redis = await ofRedis();
  return redis === undefined ? figures : [...figures, figure("redis", redis)];
}

async function ofNodes(kind: string): Promise<number> {
  return await together(async (helpers) => {
    const start = async (i: number, ...peer: string[]): Promise<string> => {
      const args = [kind, `gw-${i}`, `${CAP}`, `${GATEWAYS}`, ...peer];
      const helper = await Helper.start(PROGRAM, args);
      helpers.push(helper);
      return (await helper.line("up")).gossip ?? "";
    };
    const first = await start(0);
    for (let i = 1; i < GATEWAYS; i++) await (kind === "alone" ? start(i) : start(i, first));
  });
}

async function ofRedis(): Promise<number | undefined> {
  await using server = await LoopbackServer.start("redis-server");
  if (server === undefined) return undefined;
  const startMs = wallMs() + 5_000;
  return await together(async (helpers) => {
    for (let i = 0; i < GATEWAYS; i++) {
      const args = ["redis", `gw-${i}`, `${CAP}`, `${server.port}`, `${startMs}`];
      helpers.push(await Helper.start(PROGRAM, args));
    }
  });
}

/** What all of them were given together. */
async function together(start: (helpers: Helper[]) => Promise<void>): Promise<number> {
  const helpers: Helper[] = [];
  try {
    await start(helpers);
    const lines = await Promise.all(helpers.map((helper) => helper.line("done")));
    return lines.reduce((sum, { admitted = 0 }) => sum + admitted, 0);
  } finally {
    for (const helper of helpers) await helper[Symbol.asyncDispose]();
  }
}
