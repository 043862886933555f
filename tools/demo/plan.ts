/**
 * Who runs where: names, runtimes, ports and config files of the demo's nodes.
 *
 * @module
 */

import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { ROOT } from "../project.ts";
import type { FoundRuntime } from "../runtimes.ts";
import type { GatewayPlan } from "./gateway.ts";

/** The nodes by name; the smallest name leads, the second one loads the governance file. */
const NAMES = ["atlas", "birch", "cedar"] as const;

/** Status ports people can remember, when they are free. */
const STATUS_PORT = 18080;

/** Writes one config file per node, made of `examples/gateway`, and answers the plans in order of name. */
export async function planGateways(
  runtimes: readonly FoundRuntime[],
): Promise<{ folder: string; plans: GatewayPlan[] }> {
  const folder = await mkdtemp(join(tmpdir(), "althing-demo-"));
  const base = parse(await readFile(join(ROOT, "examples/gateway/config.yaml"), "utf8")) as {
    cluster_config: Record<string, unknown>;
  };
  const { governance } = JSON.parse(
    await readFile(join(ROOT, "examples/gateway/governance.json"), "utf8"),
  ) as { governance: unknown };
  const ports: { gossip: number; rpc: number; status: number }[] = [];
  for (let i = 0; i < NAMES.length; i++) {
    ports.push({
      gossip: await freePort(),
      rpc: await freePort(),
      status: await freePort(STATUS_PORT + 1 + i),
    });
  }
  const peers = ports.map(({ gossip }) => `127.0.0.1:${gossip}`);
  const plans: GatewayPlan[] = [];
  for (const [i, name] of NAMES.entries()) {
    const { gossip, rpc, status } = ports[i]!;
    const file = {
      cluster_config: {
        ...base.cluster_config,
        enabled: true,
        node_id: name,
        region: "demo",
        expected_nodes: NAMES.length,
        bind_addr: "127.0.0.1",
        peers,
        gossip: { port: gossip },
        grpc: { port: rpc },
        status: { port: status, bind_addr: "127.0.0.1" },
      },
      ...(i === 1 ? { governance } : {}),
    };
    const configPath = join(folder, `${name}.json`);
    await writeFile(configPath, JSON.stringify(file, null, 2));
    plans.push({
      name,
      runtime: runtimes[i % runtimes.length]!,
      configPath,
      logPath: join(folder, `${name}.log`),
      statusPort: status,
    });
  }
  return { folder, plans };
}

/** `wanted` when it is free on loopback, else one that the system chooses. */
async function freePort(wanted = 0): Promise<number> {
  const bound = await new Promise<number | undefined>((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(wanted, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
  return bound ?? await freePort();
}
