import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClusterNode } from "../../../../mod.ts";
import { governedDefinitions } from "../../../../src/driver/limits/governance_limits.ts";
import { eventually } from "../../../eventually.ts";
import { TestCluster } from "../cluster.ts";

const PATIENCE_MS = 30_000;

const GOVERNANCE = {
  budgets: [
    { id: "acme-monthly", max_limit: 100, reset_duration: "1M", calendar_aligned: true },
    { id: "search-daily", max_limit: 20, reset_duration: "1d", team_id: "search" },
    { id: "key-weekly", max_limit: 5, reset_duration: "1w", when_isolated: "limit" },
    { id: "openai-daily", max_limit: 50, reset_duration: "1d" },
  ],
  rate_limits: [
    {
      id: "small",
      request_max_limit: 10,
      request_reset_duration: "1h",
      token_max_limit: 1_000,
      token_reset_duration: "1h",
    },
    { id: "requests-only", request_max_limit: 100, request_reset_duration: "1m" },
  ],
  customers: [{ id: "acme", budget_id: "acme-monthly" }],
  teams: [{ id: "search", customer_id: "acme", rate_limit_id: "requests-only" }],
  providers: [{ name: "openai", budget_id: "openai-daily" }],
  model_configs: [{ id: "gpt", model_name: "gpt", provider: "openai", rate_limit_id: "small" }],
  virtual_keys: [
    {
      id: "vk",
      is_active: true,
      team_id: "search",
      budget_id: "key-weekly",
      rate_limit_id: "small",
    },
    { id: "vk-other", team_id: "search" },
    { id: "vk-off", is_active: false, team_id: "search" },
    { id: "vk-free" },
    { id: "vk-dangling", budget_id: "nowhere" },
  ],
};

const LIMITS_OF_VK = [
  ["governance/budget/key-weekly", "key", "cost"],
  ["governance/rate_limit/small/requests", "key", "requests"],
  ["governance/rate_limit/small/tokens", "key", "tokens"],
  ["governance/budget/search-daily", "team", "cost"],
  ["governance/rate_limit/requests-only/requests", "team", "requests"],
  ["governance/budget/acme-monthly", "customer", "cost"],
];

async function solo(cluster: TestCluster): Promise<ClusterNode> {
  const { node } = await cluster.start("solo", { enabled: false }, { governance: GOVERNANCE });
  await eventually("it is seeded", () => node.limits.view().limits === 7);
  return node;
}

describe("governance", () => {
  it("charges a request to key, team and customer, or to none of them", async () => {
    await using cluster = new TestCluster();
    const { governance, limits } = await solo(cluster);
    const used = (limit: string): number | undefined => limits.read(`governance/${limit}`)?.used;
    assert.deepEqual(
      governance.limitsOf({ virtualKey: "vk" }).map((
        { limit, level, kind },
      ) => [limit, level, kind]),
      LIMITS_OF_VK,
    );
    const taken = governance.tryConsume({ virtualKey: "vk", cost: 2, tokens: 100 });
    assert.deepEqual(taken, { admitted: true });
    for (const budget of ["key-weekly", "search-daily", "acme-monthly"]) {
      assert.equal(used(`budget/${budget}`), 2, budget);
    }
    assert.equal(used("rate_limit/small/requests"), 1);
    assert.equal(used("rate_limit/small/tokens"), 100);
    // The key's own budget has 3 left: nobody is charged.
    const refused = await governance.consume({ virtualKey: "vk", cost: 4 });
    assert.equal(refused.admitted, false);
    assert.equal(refused.reason, "limit");
    assert.equal(refused.level, "key");
    assert.equal(refused.limit, "governance/budget/key-weekly");
    assert.equal(refused.items.length, 6);
    assert.equal(used("budget/acme-monthly"), 2);
    assert.equal(used("rate_limit/small/requests"), 1);
    // Another key of the team shares its budget.
    assert.equal(governance.tryConsume({ virtualKey: "vk-other", cost: 18 }).admitted, true);
    assert.equal(governance.tryConsume({ virtualKey: "vk-other", cost: 1 }).level, "team");
    assert.equal(governance.tryConsume({ virtualKey: "vk" }).level, "team");
  });

  it("charges what provider and model are limited to when they are named", async () => {
    await using cluster = new TestCluster();
    const { governance, limits } = await solo(cluster);
    const request = { virtualKey: "vk-other", provider: "openai", model: "gpt" };
    assert.deepEqual(governance.limitsOf(request).map(({ level }) => level), [
      "team",
      "team",
      "customer",
      "provider",
      "model",
      "model",
    ]);
    assert.equal(governance.tryConsume({ ...request, cost: 1, tokens: 7 }).admitted, true);
    assert.equal(limits.read("governance/budget/openai-daily")?.used, 1);
    assert.equal(limits.read("governance/rate_limit/small/tokens")?.used, 7);
    const elsewhere = governance.limitsOf({ ...request, provider: "azure" });
    assert.deepEqual(elsewhere.map(({ level }) => level), ["team", "team", "customer"]);
  });

  it("settles what a request really cost, and gives back all of it", async () => {
    await using cluster = new TestCluster();
    const { governance, limits } = await solo(cluster);
    const used = (): unknown[] => [
      limits.read("governance/budget/acme-monthly")?.used,
      limits.read("governance/rate_limit/small/tokens")?.used,
      limits.read("governance/rate_limit/small/requests")?.used,
    ];
    const first = await governance.consume(
      { virtualKey: "vk", cost: 1, tokens: 500 },
      { reserve: true },
    );
    assert.deepEqual(used(), [1, 500, 1]);
    const { reservation = "" } = first;
    assert.equal(await governance.settle(reservation, { cost: 0.25, tokens: 120 }), "settled");
    assert.deepEqual(used(), [0.25, 120, 1]);
    assert.equal(await governance.settle(reservation, {}), "unknown");
    // Nothing was estimated: what it cost may go beyond the limit, and refuses what follows.
    const blind = governance.tryConsume({ virtualKey: "vk" }, { reserve: true });
    assert.equal(await governance.settle(blind.reservation ?? "", { cost: 6 }), "settled");
    assert.equal(governance.tryConsume({ virtualKey: "vk" }).limit, "governance/budget/key-weekly");
    const other = governance.tryConsume({ virtualKey: "vk-other", cost: 3 }, { reserve: true });
    assert.equal(await governance.refund(other.reservation ?? ""), "settled");
    assert.deepEqual(used(), [6.25, 120, 2]);
  });

  it("refuses keys that are not there, off, or refer to what is not there", async () => {
    await using cluster = new TestCluster();
    const node = await solo(cluster);
    const { governance } = node;
    const reason = (virtualKey: string): unknown => governance.tryConsume({ virtualKey }).reason;
    assert.equal(reason("nobody"), "unknown-key");
    assert.equal(reason("vk-off"), "inactive-key");
    assert.equal(reason("vk-dangling"), "unknown-limit");
    assert.deepEqual(governance.tryConsume({ virtualKey: "vk-free" }), { admitted: true });
    assert.deepEqual((await governance.consume({ virtualKey: "vk-off" })).items, []);
    node.entities("virtual_key").set("vk-off", { id: "vk-off", is_active: true });
    assert.equal(reason("vk-off"), undefined);
    node.entities("virtual_key").delete("vk-free");
    assert.equal(reason("vk-free"), "unknown-key");
  });

  it("changes a cap on all nodes by its entity, and loses no count", async () => {
    await using cluster = new TestCluster();
    const config = { expected_nodes: 2 };
    const one = await cluster.start("one", config, { governance: GOVERNANCE });
    const two = await cluster.start("two", config, { governance: GOVERNANCE });
    await two.node.join([one.address]);
    const nodes = [one.node, two.node];
    for (const node of nodes) {
      await eventually("it is seeded", () => node.limits.view().limits === 7, PATIENCE_MS);
      await eventually("it counts", async () => {
        const taken = await node.governance.consume({ virtualKey: "vk-other", cost: 4 });
        return taken.admitted;
      }, PATIENCE_MS);
    }
    const id = "governance/budget/search-daily";
    for (const { limits } of nodes) {
      await eventually("all is counted", () => limits.read(id)?.used === 8, PATIENCE_MS);
    }
    const budget = one.node.entities<Record<string, unknown>>("governance").get(
      "budget/search-daily",
    );
    two.node.entities("governance").set("budget/search-daily", { ...budget, max_limit: 8 });
    for (const { limits, governance } of nodes) {
      await eventually("the cap is lower", () => limits.read(id)?.of === 8, PATIENCE_MS);
      assert.equal(limits.read(id)?.used, 8);
      assert.equal(governance.tryConsume({ virtualKey: "vk-other" }).limit, id);
    }
  });
});

describe("items of the governance file", () => {
  it("say what they limit", () => {
    assert.deepEqual(governedDefinitions("budget/b", GOVERNANCE.budgets[0]), [{
      id: "governance/budget/b",
      definition: {
        limit: 100,
        window: "1M",
        strength: "approximate",
        unit: "cost",
        created: "0.0.governance",
        whenIsolated: "share",
        calendar: true,
      },
    }]);
    const leased = {
      max_limit: 1,
      reset_duration: "1h",
      calendar_aligned: true,
      strength: "leased",
      zone: "Europe/Oslo",
      shadow: true,
    };
    assert.deepEqual(governedDefinitions("budget/b", leased)[0]?.definition, {
      limit: 1,
      window: "1h",
      strength: "leased",
      unit: "cost",
      created: "0.0.governance",
      shadow: true,
    });
    const [requests, tokens] = governedDefinitions("rate_limit/r", {
      request_max_limit: 5,
      request_reset_duration: "1m",
      token_max_limit: null,
    });
    assert.equal(requests?.definition?.["limit"], 5);
    assert.deepEqual(tokens, { id: "governance/rate_limit/r/tokens", definition: undefined });
    assert.deepEqual(governedDefinitions("budget/b", undefined), [
      { id: "governance/budget/b", definition: undefined },
    ]);
    assert.deepEqual(governedDefinitions("other", {}), []);
  });
});
