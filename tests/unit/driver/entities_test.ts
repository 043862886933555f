import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, type ClusterNode, createNode, type StandardSchema } from "../../../mod.ts";
import { eventually } from "../../eventually.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";
import { TestCluster } from "./cluster.ts";

async function solo(): Promise<ClusterNode> {
  const config = { cluster_config: { enabled: false, node_id: "solo" } };
  return await createNode(await wakefulRuntime(), config);
}

interface Team {
  readonly name: string;
}

const teamSchema: StandardSchema<Team> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof (value as Team | null)?.name === "string"
        ? { value: value as Team }
        : { issues: [{ message: "name must be text" }] },
  },
};

describe("entities", () => {
  it("are written all or nothing, under one stamp", async () => {
    await using node = await solo();
    const teams = node.entities<Team>("team", teamSchema);
    const version = teams.write([{ key: "a", value: { name: "A" } }, {
      key: "b",
      value: { name: "B" },
    }]);
    assert.deepEqual(teams.list().map((team) => [team.key, team.version]), [["a", version], [
      "b",
      version,
    ]]);
    assert.throws(
      () => teams.write([{ key: "c", value: { name: "C" } }, { key: "d", value: {} as Team }]),
      (error) =>
        ClusterError.is(error, "bad-data") &&
        error.message === "Cannot write team/d: name must be text",
    );
    assert.equal(teams.get("c"), undefined);
  });

  it("refuse what is no JSON data, and what is too large, and then nothing is written", async () => {
    await using node = await solo();
    const any = node.entities("team");
    assert.throws(() => any.set("a", () => 1), TypeError);
    assert.throws(
      () => any.set("a", "x".repeat(17 * 1024 * 1024)),
      (error) => ClusterError.is(error, "too-large"),
    );
    assert.throws(() => any.set("", 1), (error) => ClusterError.is(error, "bad-data"));
    assert.equal(any.size, 0);
  });

  it("are watched with the old and the new value; a batch is one event on the writer", async () => {
    await using node = await solo();
    const teams = node.entities<number>("team");
    teams.set("old", 1);
    const watch = teams.watch({ initial: true });
    assert.deepEqual((await watch.next()).value?.map(({ key, value, old }) => [key, value, old]), [[
      "old",
      1,
      undefined,
    ]]);
    teams.write([{ key: "old", value: 2 }, { key: "new", value: 3 }]);
    node.entities("customer").set("other", 1);
    assert.deepEqual((await watch.next()).value?.map(({ key, value, old }) => [key, value, old]), [
      ["old", 2, 1],
      ["new", 3, undefined],
    ]);
    await watch.return();
    assert.equal((await watch.next()).done, true);
  });

  it("show a slow watcher the last state of each key, at the cost of one place per key", async () => {
    await using node = await solo();
    const teams = node.entities<number>("team");
    const stop = new AbortController();
    const watch = teams.watch({ signal: stop.signal });
    for (let i = 0; i < 1000; i++) teams.set(`k${i % 3}`, i);
    teams.set("gone", 1);
    teams.delete("gone");
    stop.abort();
    const seen: [string, number | undefined][] = [];
    for await (const changes of watch) {
      for (const { key, value } of changes) seen.push([key, value]);
    }
    assert.deepEqual(seen.sort(), [["k0", 999], ["k1", 997], ["k2", 998]]);
  });

  it("are written with every member's answer, which tells who lacks the write", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { region: "eu" });
    const b = await cluster.start("b", { region: "us" });
    await b.node.join([a.address]);
    await eventually("both are ready", () => a.node.readiness().ready && b.node.readiness().ready);
    const teams = a.node.entities<number>("team");
    const both = await teams.set("t", 1, { await: "all", timeoutMs: 5_000 });
    assert.equal(both.reached, true);
    assert.deepEqual(both.answers, [
      { node: "a", region: "eu", answer: "applied" },
      { node: "b", region: "us", answer: "applied" },
    ]);
    assert.equal(b.node.entities("team").get("t"), 1);
    assert.deepEqual(both.version, b.node.entities("team").entity("t")?.version);
    const own = await teams.write([{ key: "t", value: 2 }], { await: "region" });
    assert.equal(own.reached, true);
    await b.node.close();
    const half = await teams.delete("t", { await: "all", timeoutMs: 30_000 });
    assert.equal(half.reached, false);
    assert.equal(half.answers[1]?.answer, "gone");
    await assert.rejects(
      teams.set("t", 1, { await: "all", timeoutMs: 0 }),
      /timeoutMs at most 600000/,
    );
    await assert.rejects(teams.set("", 1, { await: "all" }), (e) => ClusterError.is(e, "bad-data"));
    await a.node.close();
    await assert.rejects(teams.set("t", 1, { await: "all" }), (e) => ClusterError.is(e, "closed"));
  });

  it("end their watches when the node is closed, and wake everyone who waits on one", async () => {
    const node = await solo();
    const watch = node.entities<number>("team").watch();
    const both = [watch.next(), watch.next()];
    node.entities<number>("team").set("t", 1);
    await node.close();
    const results = await Promise.all(both);
    assert.deepEqual(results.map(({ done }) => done).sort(), [false, true]);
  });

  it("are watched across nodes", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    const b = await cluster.start("b");
    const watch = b.node.entities<number>("team").watch();
    await b.node.join([a.address]);
    await eventually("both are ready", () => a.node.readiness().ready && b.node.readiness().ready);
    a.node.entities<number>("team").set("t", 7);
    const [change] = (await watch.next()).value ?? [];
    assert.deepEqual([change?.key, change?.value, change?.local], ["t", 7, false]);
  });
});
