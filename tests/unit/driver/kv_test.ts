import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, type ClusterNode, createNode } from "../../../mod.ts";
import { eventually } from "../../eventually.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";
import { TestCluster } from "./cluster.ts";

async function solo(): Promise<ClusterNode> {
  const config = { cluster_config: { enabled: false, node_id: "solo" } };
  return await createNode(await wakefulRuntime(), config);
}

const conflict = (error: unknown) => ClusterError.is(error, "conflict");

describe("keys and values", () => {
  it("are set, read, listed by prefix in order, and deleted", async () => {
    await using node = await solo();
    for (const key of ["b/2", "a", "b/1"]) node.kv.set(key, { key });
    assert.deepEqual(node.kv.get("a"), { key: "a" });
    assert.deepEqual(node.kv.list("b/").map(({ key }) => key), ["b/1", "b/2"]);
    assert.equal(node.kv.list().length, 3);
    node.kv.delete("a");
    assert.equal(node.kv.get("a"), undefined);
    assert.deepEqual(node.entities("kv_store").get("b/1"), { key: "b/1" });
  });

  it("are changed only while they are what was seen", async () => {
    await using node = await solo();
    const first = node.kv.set("k", 1, { ifVersion: null });
    assert.throws(() => node.kv.set("k", 2, { ifVersion: null }), conflict);
    const second = node.kv.set("k", 2, { ifVersion: first });
    assert.throws(() => node.kv.set("k", 3, { ifVersion: first }), conflict);
    assert.throws(
      () => node.kv.delete("k", { ifVersion: first }),
      /it has changed, its version is/,
    );
    assert.equal(node.kv.get("k"), 2);
    node.kv.delete("k", { ifVersion: second });
    assert.throws(() => node.kv.set("k", 3, { ifVersion: second }), /there is no value/);
    node.kv.set("k", 4, { ifVersion: null });
    assert.deepEqual(node.kv.entry("k")?.value, 4);
  });

  it("last as long as they are told, and watchers learn of their end", async () => {
    await using node = await solo();
    const watch = node.entities("kv_store").watch();
    const version = node.kv.set("session", "s", { ttlMs: 200 });
    assert.equal(node.kv.get("session"), "s");
    assert.deepEqual((await watch.next()).value?.map(({ value, old }) => [value, old]), [
      ["s", undefined],
    ]);
    await eventually("it has expired", () => node.kv.get("session") === undefined);
    assert.deepEqual((await watch.next()).value?.map(({ value, old }) => [value, old]), [
      [undefined, "s"],
    ]);
    assert.equal(node.entities("kv_store").size, 0);
    assert.throws(() => node.kv.set("session", "t", { ifVersion: version }), conflict);
    node.kv.set("session", "t", { ifVersion: null });
    assert.throws(() => node.kv.set("k", 1, { ttlMs: 0 }), RangeError);
    assert.throws(() => node.kv.set("k", undefined), TypeError);
  });

  it("expire on every node", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    const b = await cluster.start("b");
    await b.node.join([a.address]);
    await eventually("both are ready", () => a.node.readiness().ready && b.node.readiness().ready);
    a.node.kv.set("k", 1, { ttlMs: 1_000 });
    await eventually("b has it", () => b.node.kv.get("k") === 1);
    await eventually(
      "it is gone on both",
      () => a.node.kv.get("k") === undefined && b.node.kv.get("k") === undefined,
    );
  });
});
