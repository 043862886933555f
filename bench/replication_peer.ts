/**
 * The receiving node of `bench/replication.ts`: joins the address it is given and says what has arrived.
 *
 * @module
 */

import process from "node:process";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import { eventually } from "../tests/eventually.ts";
import { startNode } from "./replication.ts";
import { wallMs } from "./wall.ts";

/** Milestones of a type are told when so many of its entities have arrived. */
const MILESTONES = new Set([10_000, 25_000, 50_000]);

const node = await startNode(await runtimeUnderTest(), "receiver", process.argv[2]);
const seen = new Map<string, number>();
const delays: number[] = [];
node.subscribe((event) => {
  if (event.type !== "entity") return;
  const { type, value } = event.change as { readonly type: string; readonly value: unknown };
  const count = (seen.get(type) ?? 0) + 1;
  seen.set(type, count);
  if (type === "steady") delays.push(wallMs() - (value as { readonly atMs: number }).atMs);
  if (!MILESTONES.has(count)) return;
  const more = type === "steady" ? { delays } : {};
  console.log(JSON.stringify({ said: `${type} ${count}`, atMs: wallMs(), ...more }));
});
await eventually("the receiver is ready", () => node.readiness().ready, 30_000);
console.log(JSON.stringify({ said: "ready", atMs: wallMs() }));
