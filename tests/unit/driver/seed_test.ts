import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ClusterNode, createNode } from "../../../mod.ts";
import { eventually } from "../../eventually.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";
import { TestCluster } from "./cluster.ts";

const file = (limit: number): Record<string, unknown> => ({
  governance: {
    budgets: [{ id: "b1", max_limit: limit, reset_duration: "1d" }],
    teams: [{ id: "t1", name: "x" }],
  },
});

async function solo(limit: number): Promise<ClusterNode> {
  const node = await createNode(await wakefulRuntime(), {
    cluster_config: { enabled: false, node_id: "solo" },
    ...file(limit),
  });
  await eventually("the file is applied", () => node.entities("team").size === 1);
  return node;
}

describe("a governance file", () => {
  it("is refused where an id has no UTF-8 form, naming the path", async () => {
    const teams = [{ id: "t\ud800" }];
    await assert.rejects(
      createNode(await wakefulRuntime(), {
        cluster_config: { enabled: false, node_id: "solo" },
        governance: { teams },
      }),
      /governance\.teams\[0\]\.id/,
    );
  });

  it("keeps one item that can't be written from costing the others", async () => {
    const big = { id: "big", name: "x".repeat(17 * 1024 * 1024) };
    const log: string[] = [];
    await using node = await createNode(
      await wakefulRuntime(),
      {
        cluster_config: { enabled: false, node_id: "solo" },
        governance: { teams: [{ id: "small" }, big] },
      },
      { log: ({ message }) => log.push(message) },
    );
    await eventually("the other is there", () => node.entities("team").get("small") !== undefined);
    assert.equal(node.entities("team").size, 1);
    assert.ok(log.includes("an item of the governance file can't be applied"));
  });

  it("does no harm when the node is closed while it is applied", async () => {
    const node = await createNode(await wakefulRuntime(), {
      cluster_config: { enabled: false, node_id: "solo" },
      ...file(1),
    });
    await node.close();
  });

  it("seeds what is absent", async () => {
    await using node = await solo(100);
    assert.deepEqual(node.entities("governance").get("budget/b1"), {
      id: "b1",
      max_limit: 100,
      reset_duration: "1d",
    });
    assert.deepEqual(node.status().entities, { governance: 1, team: 1 });
  });

  it("reverts no edit and brings nothing back when a node restarts with it, but applies what was edited in it", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", {}, file(100));
    await eventually("a has the file", () => a.node.entities("team").size === 1);
    a.node.entities("governance").set("budget/b1", { id: "b1", max_limit: 7 });
    a.node.entities("team").delete("t1");
    const written = a.node.status().replication.counters.writes;

    const same = await cluster.start("b", { join_timeout_seconds: 30 }, file(100));
    await same.node.join([a.address]);
    await eventually(
      "b has applied the unchanged file",
      () =>
        same.log.some(({ message, fields }) =>
          message === "governance file applied" && fields?.["unchanged"] === 2
        ),
    );
    assert.deepEqual(same.node.entities("governance").get("budget/b1"), { id: "b1", max_limit: 7 });
    assert.equal(same.node.entities("team").size, 0);
    assert.equal(same.node.status().replication.counters.writes, 0);
    assert.equal(a.node.status().replication.counters.writes, written);

    const edited = await cluster.start("c", { join_timeout_seconds: 30 }, file(500));
    await edited.node.join([a.address]);
    await eventually(
      "the edited item is applied everywhere",
      () =>
        (a.node.entities<{ max_limit: number }>("governance").get("budget/b1"))?.max_limit === 500,
    );
    assert.equal(a.node.entities("team").size, 0);
  });
});
