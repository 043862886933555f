import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { loadConfig } from "../../../adapters/cli/load_config.ts";
import { configJsonSchema, type Files, governanceSeeds, resolveConfig } from "../../../mod.ts";
import { GOVERNANCE_FILE, governanceText } from "../../../tools/gen_governance.ts";
import { OPTIONS } from "./field_cases.ts";
import { firstViolation } from "./json_schema_check.ts";

type Json = Record<string, unknown>;

const FILES: Files = { readText: (path) => Promise.resolve(readFileSync(path, "utf8")) };

describe("the gateway example", () => {
  it("resolves without a warning and fits the schema", async () => {
    const file = await loadConfig("examples/gateway/config.yaml", FILES);
    const config = resolveConfig(file, OPTIONS);
    assert.deepEqual([config.warnings, config.notices], [[], []]);
    assert.equal(config.peers.length, 3);
    assert.equal(config.expectedNodes, 3);
    assert.equal(firstViolation(configJsonSchema() as Json, file), undefined);
  });

  it("has the governance file that the generator writes", () => {
    assert.equal(readFileSync(GOVERNANCE_FILE, "utf8"), governanceText());
  });

  it("carries governance inline as well", async () => {
    const base = await loadConfig("examples/gateway/config.yaml", FILES) as Json;
    const file = { ...base, ...(await loadConfig(GOVERNANCE_FILE, FILES) as Json) };
    const config = resolveConfig(file, OPTIONS);
    const count = (type: string): number =>
      config.governance.filter((seed) => seed.type === type).length;
    assert.deepEqual(
      ["governance", "customer", "team", "provider", "virtual_key", "routing_rule"].map(count),
      [70, 4, 12, 8, 62, 6],
    );
    assert.deepEqual(config.notices, []);
    assert.equal(firstViolation(configJsonSchema() as Json, file), undefined);
  });

  it("refers only to what it holds, and to no real key", async () => {
    const file = await loadConfig(GOVERNANCE_FILE, FILES) as { governance: unknown };
    const { seeds } = governanceSeeds(file.governance);
    const keys = new Set(seeds.map(({ type, key }) => `${type}/${key}`));
    const target: Readonly<Record<string, (id: string) => string>> = {
      budget_id: (id) => `governance/budget/${id}`,
      rate_limit_id: (id) => `governance/rate_limit/${id}`,
      team_id: (id) => `team/${id}`,
      customer_id: (id) => `customer/${id}`,
    };
    let references = 0;
    for (const seed of seeds) {
      for (const [field, keyOf] of Object.entries(target)) {
        const id = seed.value[field];
        if (id === undefined) continue;
        references++;
        assert.ok(keys.has(keyOf(String(id))), `${seed.key} ${field} ${id}`);
      }
      if (seed.type === "virtual_key") {
        assert.match(String(seed.value["value"]), /^sk-bf-EXAMPLE-NOT-A-KEY-\d{4}$/);
      }
    }
    assert.ok(references > 150);
    const values = seeds.filter((seed) => seed.type === "virtual_key").map((s) => s.value["value"]);
    assert.equal(new Set(values).size, values.length);
  });
});
