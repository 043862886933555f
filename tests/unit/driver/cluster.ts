/**
 * Real nodes on loopback for tests, on the runtime the test runs on.
 *
 * @module
 */

import { type ClusterNode, createNode, type LogRecord, type Runtime } from "../../../mod.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";

/** A started node and what it logged. */
export interface TestNode {
  readonly node: ClusterNode;
  readonly log: LogRecord[];
  /** Its gossip address. */
  readonly address: string;
}

/** Nodes that are closed together, whatever happened. */
export class TestCluster implements AsyncDisposable {
  readonly #nodes: ClusterNode[] = [];
  #runtime: Promise<Runtime> | undefined;

  /** Starts a node on free loopback ports with quick timings; `cluster` overrides `cluster_config`. */
  async start(
    nodeId: string,
    cluster: Record<string, unknown> = {},
    file: Record<string, unknown> = {},
  ): Promise<TestNode> {
    this.#runtime ??= wakefulRuntime();
    const log: LogRecord[] = [];
    const gossip = { port: 0, profile: "local", ...cluster["gossip"] as object };
    const node = await createNode(await this.#runtime, {
      ...file,
      cluster_config: {
        enabled: true,
        node_id: nodeId,
        bind_addr: "127.0.0.1",
        // Nobody listens there: a peer has to be named, and tests name the real ones by join().
        peers: ["127.0.0.1:1"],
        join_timeout_seconds: 0.2,
        grpc: { port: 0 },
        ...cluster,
        gossip,
      },
    }, { log: (record) => log.push(record) });
    this.#nodes.push(node);
    return { node, log, address: node.status().gossip ?? "" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()));
  }
}
