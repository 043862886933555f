import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { governanceSeeds } from "../../../mod.ts";

describe("governanceSeeds", () => {
  it("gives every section its entity type, what is referred to first", () => {
    const { seeds } = governanceSeeds({
      routing_rules: [{ id: "r" }],
      virtual_keys: [{ id: "k2", team_id: "t" }, { id: "k1" }],
      model_configs: [{ id: "m" }],
      providers: [{ name: "openai" }],
      teams: [{ id: "t" }],
      customers: [{ id: "c" }],
      rate_limits: [{ id: "l" }],
      budgets: [{ id: "b" }],
    });
    assert.deepEqual(seeds.map(({ type, key }) => `${type}/${key}`), [
      "governance/budget/b",
      "governance/rate_limit/l",
      "customer/c",
      "team/t",
      "provider/openai",
      "model_config/m",
      "virtual_key/k2",
      "virtual_key/k1",
      "routing_rule/r",
    ]);
  });

  it("passes all fields through untouched, also env texts and unknown ones", () => {
    const item = { id: "k", value: "env.VK", new_field: { deep: [1, null, true] } };
    const { seeds } = governanceSeeds({ virtual_keys: [item] });
    assert.equal(seeds[0]?.value, item);
  });

  it("names the sections it leaves alone", () => {
    const { seeds, ignored } = governanceSeeds({ auth_config: { is_enabled: true }, teams: [] });
    assert.deepEqual([seeds, ignored], [[], ["auth_config"]]);
  });

  it("lets sections share ids", () => {
    const { seeds } = governanceSeeds({ teams: [{ id: "a" }], customers: [{ id: "a" }] });
    assert.equal(seeds.length, 2);
  });

  for (const id of ["", 7, null, undefined, ["a"], "x".repeat(257)]) {
    it(`refuses the id ${JSON.stringify(id)?.slice(0, 20)}`, () => {
      assert.throws(
        () => governanceSeeds({ teams: [{ id }] }, "g"),
        /Cannot use g\.teams\[0\]\.id: /,
      );
    });
  }

  for (const value of [Infinity, undefined, 1n, () => 1, Symbol("x"), new Date(0), new Map()]) {
    it(`refuses what JSON can't carry: ${String(value)}`, () => {
      assert.throws(
        () => governanceSeeds({ teams: [{ id: "a", x: [{ y: value }] }] }),
        /Cannot use governance\.teams\[0\]\.x\[0\]\.y: /,
      );
    });
  }

  it("refuses an item that holds itself", () => {
    const item: Record<string, unknown> = { id: "a" };
    item["self"] = item;
    assert.throws(() => governanceSeeds({ teams: [item] }), /nests deeper than 32 levels/);
  });
});
