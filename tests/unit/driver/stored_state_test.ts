import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, type ClusterNode, createNode } from "../../../mod.ts";
import { type MemoryStorage, memoryStorage } from "../../../src/testing/memory_storage.ts";
import { eventually } from "../../eventually.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";

async function start(
  storage: MemoryStorage,
  peers: string[] = ["127.0.0.1:1"],
): Promise<ClusterNode> {
  return await createNode(
    await wakefulRuntime(),
    {
      cluster_config: {
        enabled: true,
        node_id: "keeper",
        bind_addr: "127.0.0.1",
        peers,
        join_timeout_seconds: 0.2,
        gossip: { port: 0, profile: "local" },
        grpc: { port: 0 },
        storage: { type: "sqlite", path: "not-opened-here.db" },
      },
    },
    { storage: () => storage },
  );
}

describe("a node with storage", () => {
  it("restarts with its last known state even when every peer is down", async () => {
    const storage = memoryStorage();
    const first = await start(storage);
    first.entities("team").set("a", { n: 1 });
    first.entities("team").set("gone", { n: 2 });
    first.entities("team").delete("gone");
    await first.entities("team").set("b", { n: 3 }, { await: "local" });
    await first.close();
    await using second = await start(storage);
    assert.deepEqual(second.entities("team").list().map(({ key, value }) => [key, value]), [
      ["a", { n: 1 }],
      ["b", { n: 3 }],
    ]);
    await eventually("it is ready", () => second.readiness().ready);
    assert.ok(second.status().storage !== undefined);
  });

  it("has stored what it acknowledged to another", async () => {
    const storage = memoryStorage();
    const keeper = await start(storage);
    await using writer = await start(memoryStorage());
    const address = keeper.status().gossip ?? "";
    await writer.close();
    await using other = await createNode(await wakefulRuntime(), {
      cluster_config: {
        enabled: true,
        node_id: "writer",
        bind_addr: "127.0.0.1",
        peers: [address],
        gossip: { port: 0, profile: "local" },
        grpc: { port: 0 },
      },
    });
    await eventually("both are ready", () => keeper.readiness().ready && other.readiness().ready);
    const outcome = await other.entities("team").set("t", 1, { await: "all", timeoutMs: 5_000 });
    assert.ok(outcome.reached);
    await keeper.close();
    await using again = await start(storage);
    assert.equal(again.entities("team").get("t"), 1);
  });

  it("says what to do when the configuration asks for a storage that nobody made", async () => {
    await assert.rejects(
      createNode(await wakefulRuntime(), {
        cluster_config: { enabled: false, node_id: "x", storage: { type: "sqlite", path: "x.db" } },
      }),
      (error) =>
        ClusterError.is(error, "unsupported") && error.message.includes('the option "storage"'),
    );
  });
});
