import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { ClusterError, configJsonSchema, resolveConfig } from "../../../mod.ts";
import { Rng } from "../../../src/core/rng.ts";
import { discovering, KEY_32, MESH } from "./field_cases.ts";
import { firstViolation } from "./json_schema_check.ts";

type Json = Record<string, unknown>;

const SEEDS: readonly Json[] = [
  {
    cluster_config: {
      ...MESH,
      ...discovering("etcd"),
      node_id: "env.NAME",
      gossip: {
        port: 1,
        config: { timeout_seconds: 2 },
        delegate_version: { min: 1, max: 3, current: 2 },
      },
      security: { gossip_keys: [KEY_32], token: "t", tls: { cert_file: "c", key_file: "k" } },
      status: { port: 0, admin_token: "env.NAME" },
      storage: { type: "postgres" },
    },
    config_store: {
      enabled: true,
      type: "postgres",
      config: { host: "h", port: "1", user: "u", db_name: "d" },
    },
    governance: {
      budgets: [{ id: "a", max_limit: 1.5 }, { id: "b" }],
      virtual_keys: [{ id: "k", provider_configs: [{ provider: "openai" }] }],
    },
  },
  { cluster_config: { enabled: true, type: "broker", broker: { address: "a:1", tls: true } } },
  ...["kubernetes", "consul", "dns", "udp", "mdns"].map((type) => ({
    cluster_config: discovering(type),
  })),
];

const VALUES: readonly unknown[] = [
  null,
  undefined,
  true,
  false,
  0,
  -1,
  1.5,
  10101,
  1e300,
  NaN,
  -Infinity,
  9n,
  "",
  "env.NAME",
  "env.MISSING",
  "env.",
  "10s",
  "9".repeat(5000),
  "\ud800",
  "\u0000",
  "a:1",
  "[::1]:9",
  "10.0.0.0/8",
  [],
  {},
  [[]],
  ["a:1", 3],
  new Array(3),
  { "": {} },
  { constructor: 1 },
  Symbol("s"),
  () => 1,
  new Date(0),
  new Uint8Array(4),
  JSON.parse('{"__proto__": 1}'),
];

/** One random change somewhere in `value`. */
function mutated(value: unknown, rng: Rng): unknown {
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  if (keys.length === 0 || rng.below(5) === 0) return VALUES[rng.below(VALUES.length)];
  const copy = (Array.isArray(value) ? [...value] : { ...(value as Json) }) as Json;
  const key = keys[rng.below(keys.length)] as string;
  switch (rng.below(6)) {
    case 0:
      delete copy[key];
      break;
    case 1:
      copy[`${key}x`] = copy[key];
      break;
    case 2:
      copy[key] = copy[keys[rng.below(keys.length)] as string];
      break;
    default:
      copy[key] = mutated(copy[key], rng);
  }
  return copy;
}

describe("any mutation of a configuration", () => {
  const rounds = Number(process.env["ALTHING_CONFIG_MUTATIONS"] ?? 20_000);

  it("is accepted or refused in one clean sentence, and never shows a secret", () => {
    const rng = new Rng(20_250_601);
    const schema = configJsonSchema() as Json;
    const env = (name: string): string | undefined => name === "NAME" ? "hush-hush" : undefined;
    let accepted = 0;
    for (let round = 0; round < rounds; round++) {
      let file: unknown = SEEDS[rng.below(SEEDS.length)];
      for (let step = rng.below(3); step >= 0; step--) file = mutated(file, rng);
      try {
        const config = resolveConfig(file, { env, hostName: "h" });
        accepted++;
        assert.ok(Object.isFrozen(config));
        const violation = firstViolation(schema, file);
        // The one place where the schema is stricter.
        if (violation !== undefined) assert.match(violation, /^\/config_store|^\/governance/);
      } catch (error) {
        assert.ok(ClusterError.is(error, "bad-config"), `round ${round}: ${error}`);
        assert.match(error.message, /^Cannot use [^\n]{1,400}[^.\n]$/u, `round ${round}`);
        assert.doesNotMatch(error.message, /hush-hush|AAECAwQFBgc/);
      }
    }
    // Both happen a lot, or the mutations prove nothing.
    assert.ok(accepted > rounds / 20 && accepted < rounds - rounds / 20, `${accepted} accepted`);
  });
});
