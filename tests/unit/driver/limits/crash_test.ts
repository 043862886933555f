import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ClusterNode, createNode } from "../../../../mod.ts";
import { memoryStorage } from "../../../../src/testing/memory_storage.ts";
import { eventually } from "../../../eventually.ts";
import { wakefulRuntime } from "../../../wakeful_runtime.ts";

const PATIENCE_MS = 30_000;

/** Nodes with storages that outlive them. */
class Storages implements AsyncDisposable {
  readonly #storages = Array.from({ length: 3 }, memoryStorage);
  readonly nodes: (ClusterNode | undefined)[] = [undefined, undefined, undefined];
  readonly #addresses: string[] = [];
  readonly #closing: Promise<void>[] = [];
  async start(i: number): Promise<void> {
    const others = this.#addresses.filter((_, at) => at !== i);
    const runtime = await wakefulRuntime();
    const file = {
      cluster_config: {
        enabled: true,
        node_id: `n${i}`,
        bind_addr: "127.0.0.1",
        peers: others.length > 0 ? others : ["127.0.0.1:1"],
        join_timeout_seconds: 0.5,
        expected_nodes: 3,
        gossip: { port: Number(this.#addresses[i]?.split(":")[1] ?? 0), profile: "local" },
        grpc: { port: 0 },
        storage: { type: "sqlite", path: "in memory" },
      },
    };
    // The one before may not have let go of its port yet.
    const node = await eventually(
      "the node starts",
      () => createNode(runtime, file, { storage: () => this.#storages[i] }).catch(() => undefined),
      PATIENCE_MS,
    );
    this.nodes[i] = node;
    this.#addresses[i] = node.status().gossip ?? "";
    for (const address of others) await node.join([address]).catch(() => 0);
  }

  /** Ends a node as a crash would: nothing it has not stored yet is stored. */
  crash(i: number): void {
    this.#storages[i]?.kill();
    const node = this.nodes[i];
    this.nodes[i] = undefined;
    if (node !== undefined) this.#closing.push(node.close());
  }

  async isWhole(): Promise<void> {
    await eventually(
      "all are ready",
      () =>
        this.nodes.every((node) =>
          node?.readiness().ready === true &&
          node.members().filter(({ state }) => state === "alive").length === 3
        ),
      PATIENCE_MS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#closing, ...this.nodes.map((node) => node?.close())]);
  }
}

/** Takes until the limit is used up or `most` were admitted; answers how many were. */
async function take(node: ClusterNode, most: number): Promise<number> {
  let admitted = 0;
  while (admitted < most) {
    const taken = await node.limits.consume([{ limit: "cap", amount: 1 }], { timeoutMs: 15_000 });
    if (!taken.admitted) break;
    admitted++;
  }
  return admitted;
}

describe("leased limits of nodes with storage", () => {
  it("are never exceeded though all nodes die at once and come back with what they stored", async () => {
    await using cluster = new Storages();
    for (const i of [0, 1, 2]) await cluster.start(i);
    await cluster.isWhole();
    cluster.nodes[0]?.limits.define("cap", { limit: 200, window: "1d", strength: "leased" });
    let admitted = 0;
    for (const node of cluster.nodes as ClusterNode[]) {
      await eventually("it is defined", () => node.limits.read("cap"), PATIENCE_MS);
      admitted += await take(node, 20);
    }
    assert.equal(admitted, 60);
    for (const i of [0, 1, 2]) cluster.crash(i);
    for (const i of [0, 1, 2]) await cluster.start(i);
    await cluster.isWhole();
    for (const node of cluster.nodes as ClusterNode[]) {
      await eventually("it is defined", () => node.limits.read("cap"), PATIENCE_MS);
    }
    // What the dead had been granted and did not use stays with them until the window ends.
    const after = await Promise.all(
      (cluster.nodes as ClusterNode[]).map((node) => take(node, 200)),
    );
    const total = admitted + after.reduce((sum, each) => sum + each, 0);
    assert.ok(total <= 200, `${total} were admitted`);
    assert.ok(total >= 100, `only ${total} were admitted`);
  });

  it("are never exceeded though a node dies again and again", async () => {
    await using cluster = new Storages();
    for (const i of [0, 1, 2]) await cluster.start(i);
    await cluster.isWhole();
    cluster.nodes[0]?.limits.define("cap", { limit: 400, window: "1d", strength: "leased" });
    for (const node of cluster.nodes as ClusterNode[]) {
      await eventually("it is defined", () => node.limits.read("cap"), PATIENCE_MS);
    }
    let admitted = 0;
    for (const i of [0, 1, 2]) {
      admitted += await take(cluster.nodes[i] as ClusterNode, 30);
      cluster.crash(i);
      admitted += await take(cluster.nodes[(i + 1) % 3] as ClusterNode, 30);
      await cluster.start(i);
      await cluster.isWhole();
    }
    const rest = await Promise.all((cluster.nodes as ClusterNode[]).map((node) => take(node, 400)));
    const total = admitted + rest.reduce((sum, each) => sum + each, 0);
    assert.ok(total <= 400, `${total} were admitted`);
    assert.ok(total >= 180, `only ${total} were admitted`);
  });
});
