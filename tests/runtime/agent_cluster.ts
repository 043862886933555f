/**
 * Agents that form one cluster, one for each runtime.
 *
 * @module
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { FoundRuntime } from "../../tools/runtimes.ts";
import { Agent } from "./agent_process.ts";

/** What the agents of a cluster have in common. */
export interface AgentClusterOptions {
  /** One agent each. */
  readonly runtimes: readonly FoundRuntime[];
  /** More fields of `cluster_config`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** More fields of one agent's `cluster_config`, given the folder that is deleted in the end. */
  readonly configOf?: (runtime: FoundRuntime, folder: string) => Readonly<Record<string, unknown>>;
  /** More variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** `status.admin_token`, for those who write. */
  readonly adminToken?: string;
}

/** A folder of config files and the agents that run from them. */
export class AgentCluster implements AsyncDisposable {
  readonly agents: readonly Agent[];
  readonly #folder: string;

  private constructor(folder: string, agents: readonly Agent[]) {
    this.#folder = folder;
    this.agents = agents;
  }

  /**
   * Writes the files, every other one as YAML, and starts the agents; resolves when all of them see each other healthy
   * and are ready.
   */
  static async start(options: AgentClusterOptions): Promise<AgentCluster> {
    const { runtimes, config = {}, configOf = () => ({}), env = {}, adminToken } = options;
    const folder = await mkdtemp(join(tmpdir(), "althing-agents-"));
    const ports = await Promise.all(runtimes.map(() => freePort()));
    const agents: Agent[] = [];
    for (const [i, runtime] of runtimes.entries()) {
      const nodeId = `on-${runtime.name}`;
      const file = {
        cluster_config: {
          enabled: true,
          node_id: nodeId,
          bind_addr: "127.0.0.1",
          peers: ports.map((port) => `127.0.0.1:${port}`),
          expected_nodes: runtimes.length,
          ...config,
          ...configOf(runtime, folder),
          gossip: { port: ports[i], profile: "local" },
          grpc: { port: 0 },
          status: {
            port: 0,
            bind_addr: "127.0.0.1",
            ...(adminToken === undefined ? {} : { admin_token: adminToken }),
          },
        },
      };
      const isYaml = i % 2 === 1;
      const configPath = join(folder, `${nodeId}.${isYaml ? "yaml" : "json"}`);
      await writeFile(configPath, isYaml ? stringify(file) : JSON.stringify(file));
      agents.push(
        new Agent({
          nodeId,
          runtime,
          configPath,
          env,
          ...(adminToken === undefined ? {} : { adminToken }),
        }),
      );
    }
    const cluster = new AgentCluster(folder, agents);
    try {
      await Promise.all(agents.map((agent) => agent.start()));
      await cluster.isWhole();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** The ids of all nodes. */
  get nodeIds(): readonly string[] {
    return this.agents.map(({ nodeId }) => nodeId);
  }

  /** All agents but one. */
  others(than: Agent): readonly Agent[] {
    return this.agents.filter((agent) => agent !== than);
  }

  /** Waits until everybody sees everybody healthy and is ready. */
  async isWhole(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.seesHealthy(this.nodeIds)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent[Symbol.asyncDispose]()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A TCP port that is free on loopback now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => resolve(port));
    });
  });
}
