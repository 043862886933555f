import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClusterLimits, ClusterNode, ConsumeOutcome } from "../../../../mod.ts";
import { eventually } from "../../../eventually.ts";
import { TestCluster } from "../cluster.ts";

const PATIENCE_MS = 30_000;

/** A whole cluster of `count` nodes whose limits are in touch. */
async function whole(
  cluster: TestCluster,
  count: number,
  config: Record<string, unknown> = {},
): Promise<ClusterNode[]> {
  const nodes: ClusterNode[] = [];
  let first = "";
  for (let i = 0; i < count; i++) {
    const { node, address } = await cluster.start(`n${i}`, { expected_nodes: count, ...config });
    nodes.push(node);
    if (i === 0) first = address;
    else await node.join([first]);
  }
  await eventually(
    "all nodes are ready and see each other",
    () => nodes.every((node) => node.readiness().ready && node.members().length === count),
    PATIENCE_MS,
  );
  return nodes;
}

/** Nothing in a node keeps a process alive, and a lone one has no peers that would. */
async function patiently<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 50);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

async function holds(limits: ClusterLimits, id: string): Promise<void> {
  await eventually(`${id} is defined`, () => limits.read(id) !== undefined, PATIENCE_MS);
}

describe("limits of a lone node", () => {
  it("are defined, read, taken from, settled, refunded and deleted", async () => {
    await using cluster = new TestCluster();
    const { node } = await cluster.start("solo", { enabled: false });
    await eventually("it is ready", () => node.readiness().ready);
    const { limits } = node;
    limits.define("cap", {
      limit: 10,
      window: "1h",
      strength: "approximate",
      whenIsolated: "limit",
      unit: "cents",
    });
    assert.equal(limits.get("cap")?.definition.limit, 10);
    assert.deepEqual(limits.list().map(({ id }) => id), ["cap"]);
    assert.deepEqual(limits.tryConsume([{ limit: "cap", amount: 2.5 }]), { admitted: true });
    const taken = await limits.consume([{ limit: "cap", amount: 5 }], { reserve: true });
    assert.equal(taken.admitted, true);
    assert.equal(taken.items[0]?.remaining, 2.5);
    assert.ok((taken.items[0]?.resetAt ?? 0) > Date.now());
    const { reservation = "" } = taken;
    await assert.rejects(limits.settle(reservation, [{ limit: "other", amount: 1 }]), RangeError);
    assert.equal(await limits.settle(reservation, [{ limit: "cap", amount: 1.5 }]), "settled");
    assert.equal(await limits.settle(reservation), "unknown");
    assert.equal(limits.read("cap")?.used, 4);
    const again = limits.tryConsume([{ limit: "cap", amount: 6 }], { reserve: true });
    assert.equal(await limits.refund(again.reservation ?? ""), "settled");
    assert.equal(limits.read("cap")?.used, 4);
    const refused = await limits.consume([{ limit: "cap", amount: 7 }]);
    assert.equal(refused.admitted, false);
    assert.equal(refused.reason, "limit");
    assert.equal(refused.limit, "cap");
    assert.ok((refused.retryAfterMs ?? 0) > 0 && (refused.retryAfterMs ?? 0) <= 3_600_000);
    limits.delete("cap");
    assert.equal(limits.get("cap"), undefined);
    assert.equal(limits.read("cap"), undefined);
    assert.equal(limits.tryConsume([{ limit: "cap", amount: 1 }]).reason, "unknown-limit");
  });

  it("take of several limits of different strengths, all or none", async () => {
    await using cluster = new TestCluster();
    const { node } = await cluster.start("solo", { enabled: false });
    await eventually("it is ready", () => node.readiness().ready);
    const { limits } = node;
    limits.define("a", { limit: 100, window: "1d", strength: "leased" });
    limits.define("b", { limit: 5, window: "1d", strength: "approximate", whenIsolated: "limit" });
    const both = [{ limit: "a", amount: 2 }, { limit: "b", amount: 1 }];
    let admitted = 0;
    for (let i = 0; i < 10; i++) {
      if ((await patiently(limits.consume(both, { timeoutMs: 10_000 }))).admitted) admitted++;
    }
    assert.equal(admitted, 5);
    assert.equal(limits.read("a")?.used, 10);
    assert.equal(limits.read("b")?.used, 5);
  });

  it("refuse definitions that can't work with one sentence", async () => {
    await using cluster = new TestCluster();
    const { node } = await cluster.start("one");
    const good = { limit: 1, window: "1h", strength: "approximate", whenIsolated: "deny" } as const;
    const refusal = (
      id: string,
      change: Record<string, unknown>,
    ): { code: string; text: string } => {
      try {
        node.limits.define(id, { ...good, ...change });
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        return { code, text: message };
      }
      return { code: "", text: "" };
    };
    assert.deepEqual(refusal("cap", { strength: "leased", whenIsolated: "deny" }), {
      code: "bad-config",
      text: 'Cannot use limit "cap": strength is "leased", ' +
        "set cluster_config.expected_nodes on every node for it",
    });
    assert.equal(refusal("cap", { window: "1s" }).code, "bad-data");
    assert.equal(refusal("cap", { whenIsolated: undefined }).code, "bad-data");
    for (const id of ["consume", "settle", "refund", "governance/x"]) {
      assert.match(refusal(id, {}).text, /are taken, choose another$/);
    }
    assert.throws(() => node.limits.tryConsume([]), RangeError);
    assert.throws(() => node.limits.tryConsume([{ limit: "cap", amount: -1 }]), RangeError);
    assert.deepEqual(node.limits.list(), []);
  });
});

describe("limits of three nodes", () => {
  it("count the same everywhere, and a change of the cap loses no count", async () => {
    await using cluster = new TestCluster();
    const nodes = await whole(cluster, 3);
    const [a, b, c] = nodes as [ClusterNode, ClusterNode, ClusterNode];
    a.limits.define("cap", {
      limit: 1_000,
      window: "1d",
      strength: "approximate",
      whenIsolated: "share",
    });
    for (const { limits } of nodes) await holds(limits, "cap");
    for (let i = 0; i < 100; i++) {
      const { limits } = nodes[i % 3] as ClusterNode;
      assert.equal((await limits.consume([{ limit: "cap", amount: 1 }])).admitted, true);
    }
    for (const { limits } of nodes) {
      await eventually("all is counted", () => limits.read("cap")?.used === 100, PATIENCE_MS);
      await eventually(
        "all are in touch",
        () => (limits.read("cap")?.stalenessMs ?? Infinity) < 5_000,
        PATIENCE_MS,
      );
    }
    b.limits.define("cap", {
      limit: 100,
      window: "1d",
      strength: "approximate",
      whenIsolated: "share",
    });
    for (const { limits } of nodes) {
      await eventually("the cap is lower", () => limits.read("cap")?.of === 100, PATIENCE_MS);
      assert.equal(limits.read("cap")?.used, 100);
      assert.equal(limits.tryConsume([{ limit: "cap", amount: 1 }]).reason, "limit");
    }
    assert.equal(c.status().limits.limits, 1);
  });

  it("never admit more than a leased cap, and all of it in the end", async () => {
    await using cluster = new TestCluster();
    const nodes = await whole(cluster, 3);
    const [a] = nodes as [ClusterNode];
    const debts: string[] = [];
    for (const node of nodes) {
      node.subscribe((event) => {
        if (event.type === "limit" && event.event.type === "debt") debts.push(node.nodeId);
      });
    }
    a.limits.define("cap", { limit: 300, window: "1d", strength: "leased" });
    for (const { limits } of nodes) await holds(limits, "cap");
    let admitted = 0;
    const hammer = async ({ limits }: ClusterNode): Promise<void> => {
      let last: ConsumeOutcome | undefined;
      do {
        last = await limits.consume([{ limit: "cap", amount: 1 }], { timeoutMs: 20_000 });
        if (last.admitted) admitted++;
      } while (last.admitted);
      assert.equal(last.reason, "limit");
    };
    await Promise.all(nodes.map(hammer));
    assert.ok(admitted <= 300, `${admitted} were admitted`);
    assert.ok(admitted >= 285, `only ${admitted} were admitted`);
    for (const { limits } of nodes) {
      await eventually("all is counted", () => limits.read("cap")?.used === admitted, PATIENCE_MS);
    }
    assert.deepEqual(debts, []);
  });

  it("hand rights back when a node leaves, and go on without it", async () => {
    await using cluster = new TestCluster();
    const nodes = await whole(cluster, 3);
    const [a, b, c] = nodes as [ClusterNode, ClusterNode, ClusterNode];
    a.limits.define("cap", { limit: 1_000, window: "1d", strength: "leased" });
    for (const { limits } of nodes) await holds(limits, "cap");
    let admitted = 0;
    for (const { limits } of nodes) {
      for (let i = 0; i < 10; i++) {
        const taken = await limits.consume([{ limit: "cap", amount: 1 }], { timeoutMs: 20_000 });
        if (taken.admitted) admitted++;
      }
    }
    assert.equal(admitted, 30);
    await c.leave();
    assert.equal(c.limits.tryConsume([{ limit: "cap", amount: 1 }]).reason, "leaving");
    await c.close();
    for (const { limits } of [a, b]) {
      let refused = 0;
      while (refused < 3) {
        const taken = await limits.consume([{ limit: "cap", amount: 10 }], { timeoutMs: 10_000 });
        if (taken.admitted) admitted += 10;
        else refused++;
      }
    }
    assert.ok(admitted <= 1_000, `${admitted} were admitted`);
    assert.ok(admitted >= 950, `only ${admitted} were admitted`);
    await eventually("all is counted", () => b.limits.read("cap")?.used === admitted, PATIENCE_MS);
  });
});
