import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { configJsonSchema, resolveConfig } from "../../../mod.ts";
import { SCHEMA_FILE, schemaText } from "../../../tools/gen_schema.ts";
import { discovering, FIELD_CASES, MESH, OPTIONS, withValue } from "./field_cases.ts";
import { firstViolation } from "./json_schema_check.ts";

type Json = Record<string, unknown>;

const SCHEMA = configJsonSchema() as Json;

const violation = (file: unknown): string | undefined => firstViolation(SCHEMA, file);

describe("the JSON Schema", () => {
  it("is the committed one", () => {
    assert.equal(readFileSync(SCHEMA_FILE, "utf8"), schemaText());
  });

  it("describes every field and says its default", () => {
    for (const field of FIELD_CASES) {
      let schema = (SCHEMA["properties"] as Json)["cluster_config"] as Json;
      for (const key of field.path.split(".")) {
        schema = (schema["properties"] as Json)[key] as Json;
      }
      assert.match(String(schema["description"]), /\.$/, field.path);
    }
  });

  for (const field of FIELD_CASES) {
    const base = field.base ?? MESH;

    it(`takes every good ${field.path}, also by variable`, () => {
      for (const [raw] of field.good) {
        const named = Array.isArray(raw)
          ? raw.map((item) => typeof item === "object" ? item : "env.SOME")
          : "env.SOME";
        for (const value of [raw, named]) {
          const file = { $schema: "x", cluster_config: withValue(base, field.path, value) };
          assert.equal(violation(file), undefined, JSON.stringify(value));
        }
      }
    });

    it(`refuses a ${field.path} of the wrong type`, () => {
      let refused = 0;
      for (const raw of field.bad) {
        const file = { cluster_config: withValue(base, field.path, raw) };
        if (violation(file) !== undefined) refused++;
        else if (typeof raw !== "string" && !Array.isArray(raw)) {
          assert.fail(`${field.path} ${JSON.stringify(raw)} passes`);
        }
      }
      assert.ok(refused > 0);
    });
  }

  for (
    const [what, file] of [
      ["no cluster_config", {}],
      ["an unknown key", { cluster_config: { ...MESH, gosip: {} } }],
      ["a mesh of nobody", { cluster_config: { enabled: true } }],
      ["a mesh with an empty list", { cluster_config: { enabled: true, peers: [] } }],
      ["a broker without address", { cluster_config: { enabled: true, type: "broker" } }],
      ["discovery without type", { cluster_config: { ...MESH, discovery: { enabled: true } } }],
      ...["kubernetes", "consul", "etcd", "dns", "udp"].map((type) =>
        [
          `${type} discovery that lacks something`,
          { cluster_config: { ...MESH, discovery: { enabled: true, type } } },
        ] as const
      ),
      ["an entry of discoveries without type", {
        cluster_config: { enabled: true, discoveries: [{ enabled: true }] },
      }],
      ["an entry of discoveries that lacks something", {
        cluster_config: { enabled: true, discoveries: [{ type: "mdns" }, { type: "etcd" }] },
      }],
      ["an item without id", { cluster_config: MESH, governance: { teams: [{ name: "a" }] } }],
      ["a store without host", {
        cluster_config: MESH,
        config_store: { enabled: true, type: "postgres", config: { user: "a", db_name: "b" } },
      }],
    ] as const
  ) {
    it(`refuses ${what}, as resolveConfig does`, () => {
      assert.notEqual(violation(file), undefined);
      assert.throws(() => resolveConfig(file, OPTIONS));
    });
  }

  it("takes what resolveConfig takes", () => {
    const files: readonly Json[] = [
      { cluster_config: { enabled: false } },
      { cluster_config: { enabled: false, discovery: { enabled: true } } },
      { cluster_config: { ...MESH, discovery: { type: "etcd" } } },
      { cluster_config: { enabled: true, discoveries: [{ type: "mdns" }] } },
      {
        cluster_config: {
          ...MESH,
          discoveries: [{ type: "etcd", enabled: false }, { enabled: false }],
        },
      },
      { cluster_config: { enabled: false, discoveries: [{ type: "etcd" }] } },
      {
        cluster_config: {
          enabled: true,
          type: "broker",
          broker: { address: "a:1" },
          discovery: { enabled: true },
        },
      },
      ...["kubernetes", "consul", "etcd", "dns", "udp", "mdns"].map((type) => ({
        cluster_config: discovering(type),
      })),
      { cluster_config: MESH, config_store: { enabled: false, type: 3 }, providers: 3 },
      {
        cluster_config: MESH,
        config_store: {
          enabled: true,
          type: "postgres",
          config: { host: "a", port: "5432", user: "b", db_name: "c", more: 1 },
        },
        governance: { auth_config: {}, teams: [{ id: "a" }] },
      },
    ];
    for (const file of files) {
      resolveConfig(file, OPTIONS);
      assert.equal(violation(file), undefined, JSON.stringify(file));
    }
  });
});
