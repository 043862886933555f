/**
 * What a node costs that has nothing to do: real `althing agent` processes on Linux.
 *
 * @module
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../tests/eventually.ts";
import type { BenchFigure } from "./cases.ts";
import { Helper } from "./helper.ts";
import { median } from "./measure.ts";

const NODES = 10;
/** Starting up is no idling. */
const SETTLE_MS = 20_000;
const MEASURE_MS = 30_000;
/** What /proc counts in: USER_HZ, 100 on every Linux that these runtimes run on. */
const TICKS_PER_SECOND = 100;

/** CPU and memory of a node in a cluster of ten with the `lan` preset, the median of the ten. */
export async function idleNode(): Promise<readonly BenchFigure[]> {
  const folder = mkdtempSync(join(tmpdir(), "althing-idle-"));
  const helpers: Helper[] = [];
  try {
    return await measureIn(folder, helpers);
  } finally {
    await Promise.all(helpers.map((helper) => helper[Symbol.asyncDispose]()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is started is added to `helpers`, for others to end. */
async function measureIn(folder: string, helpers: Helper[]): Promise<readonly BenchFigure[]> {
  const bare = await Helper.start("bench/bare.ts");
  helpers.push(bare);
  const ports = await freePorts(3 * NODES);
  const statusPorts = ports.slice(2 * NODES);
  const nodes: Helper[] = [];
  for (let i = 0; i < NODES; i++) {
    const path = join(folder, `node-${i}.json`);
    writeFileSync(path, JSON.stringify(configOf(i, ports)));
    const node = await Helper.start("adapters/cli/main.ts", ["agent", "--config", path]);
    nodes.push(node);
    helpers.push(node);
  }
  await Promise.all(
    statusPorts.map((port) =>
      eventually(`the node at ${port} sees all`, () => seesAll(port), 120_000)
    ),
  );
  await after(SETTLE_MS);
  const before = nodes.map(({ pid }) => cpuSeconds(pid));
  const began = performance.now();
  await after(MEASURE_MS);
  const seconds = (performance.now() - began) / 1_000;
  const shares = nodes.map(({ pid }, i) => (cpuSeconds(pid) - (before[i] ?? 0)) * 100 / seconds);
  const above = (field: MemoryField) =>
    median(nodes.map(({ pid }) => megabytes(pid, field))) - megabytes(bare.pid, field);
  return [
    { name: "cpu", unit: "% of a core", value: shares.reduce((a, b) => a + b, 0) / NODES },
    { name: "memory-above-bare", unit: "MB", value: above("VmRSS") },
    // Without pages of files, which are the runtime's own program and shared by all that run it.
    { name: "anonymous-above-bare", unit: "MB", value: above("RssAnon") },
    { name: "memory-bare", unit: "MB", value: megabytes(bare.pid, "VmRSS") },
  ];
}

function configOf(index: number, ports: readonly number[]): unknown {
  return {
    cluster_config: {
      enabled: true,
      node_id: `idle-${index}`,
      bind_addr: "127.0.0.1",
      peers: ports.slice(0, NODES).map((port) => `127.0.0.1:${port}`),
      gossip: { port: ports[index] },
      grpc: { port: ports[NODES + index] },
      status: { port: ports[2 * NODES + index] },
    },
  };
}

async function seesAll(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/cluster/members`);
    const members = await response.json() as readonly { readonly state: string }[];
    return members.filter(({ state }) => state === "alive").length === NODES;
  } catch {
    return false;
  }
}

/** User and system time of a process so far. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in brackets and may hold spaces; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Lines of `/proc/PID/status`: all that is resident, and the part that no file backs. */
type MemoryField = "VmRSS" | "RssAnon";

function megabytes(pid: number, field: MemoryField): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1_024 / 1_000_000;
}

/** Ports nobody listens on, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
