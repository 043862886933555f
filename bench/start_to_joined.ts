/**
 * How soon a new process is a member of the cluster, by any method of discovery.
 *
 * @module
 */

import type { BenchFigure } from "./cases.ts";
import { startDiscovering } from "./discovery_node.ts";
import { Helper } from "./helper.ts";
import { median } from "./measure.ts";
import { wallMs } from "./wall.ts";

const ROUNDS = 9;
const WITHIN_MS = 60_000;

/**
 * Milliseconds from the start of a process until its node lists another one (`start-to-joined`), of which the process
 * and the node need so many until the ports are bound (`start`), and from there until a node that stands lists it
 * (`scaled-up`). `discovery` is the object of that name in the configuration.
 */
export async function startToJoined(
  discovery: Readonly<Record<string, unknown>>,
): Promise<readonly BenchFigure[]> {
  const full = { enabled: true, ...discovery };
  await using standing = await startDiscovering("standing", full);
  const seen = new Map<string, number>();
  standing.subscribe((event) => {
    if (event.type === "joined") seen.set(event.member.nodeId, wallMs());
  });
  const figures: Record<"start-to-joined" | "start" | "scaled-up", number[]> = {
    "start-to-joined": [],
    start: [],
    "scaled-up": [],
  };
  for (let round = 0; round < ROUNDS; round++) {
    const nodeId = `newcomer-${round}`;
    const beganMs = wallMs();
    const args = [nodeId, JSON.stringify(full)];
    await using newcomer = await Helper.start("bench/discovery_node.ts", args);
    const started = await newcomer.line("started", WITHIN_MS);
    const joined = await newcomer.line("joined", WITHIN_MS);
    const seenMs = await until(() => seen.get(nodeId));
    figures["start-to-joined"].push(joined.atMs - beganMs);
    figures.start.push(started.atMs - beganMs);
    figures["scaled-up"].push(seenMs - started.atMs);
  }
  return Object.entries(figures).map(([name, values]) => {
    return { name, unit: "ms", value: median(values) };
  });
}

async function until(look: () => number | undefined): Promise<number> {
  for (const deadline = wallMs() + WITHIN_MS; wallMs() < deadline;) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Cannot measure: the newcomer was not seen within ${WITHIN_MS} ms`);
}
