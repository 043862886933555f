import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, resolveConfig } from "../../../mod.ts";
import type { Field } from "../../../src/config/field.ts";
import { CLUSTER_CONFIG } from "../../../src/config/schema.ts";
import { FIELD_CASES, MESH, OPTIONS, withValue } from "./field_cases.ts";

function leaves(field: Field, path: string = ""): readonly string[] {
  if (field.kind !== "group") return [path];
  return Object.entries(field.fields).flatMap(([key, child]) =>
    leaves(child, path === "" ? key : `${path}.${key}`)
  );
}

const resolved = (clusterConfig: unknown) =>
  resolveConfig({ cluster_config: clusterConfig }, OPTIONS);

describe("the fields of cluster_config", () => {
  it("have one case each", () => {
    const cases = FIELD_CASES.map((field) => field.path);
    assert.deepEqual([...cases].sort(), [...leaves(CLUSTER_CONFIG)].sort());
  });

  it("of an entry of discoveries are those of discovery", () => {
    const { discoveries, discovery } = CLUSTER_CONFIG.fields;
    assert.ok(discoveries?.kind === "groups" && discovery?.kind === "group");
    assert.deepEqual(Object.keys(discoveries.item.fields), Object.keys(discovery.fields));
  });

  for (const field of FIELD_CASES) {
    const base = field.base ?? MESH;

    it(`${field.path} takes what it should`, () => {
      for (const [raw, expected] of field.good) {
        assert.deepEqual(field.read(resolved(withValue(base, field.path, raw))), expected);
      }
    });

    if (field.byDefault !== undefined) {
      it(`${field.path} has its default`, () => {
        const config = resolved(withValue(base, field.path, undefined));
        assert.deepEqual(field.read(config), field.byDefault?.value);
      });
    }

    it(`${field.path} refuses the rest by name`, () => {
      for (const raw of field.bad) {
        assert.throws(() => resolved(withValue(base, field.path, raw)), (error) => {
          assert.ok(ClusterError.is(error, "bad-config"), `${JSON.stringify(raw)}: ${error}`);
          assert.ok(
            error.message.startsWith(`Cannot use cluster_config.${field.path}`),
            `${JSON.stringify(raw)}: ${error.message}`,
          );
          assert.doesNotMatch(error.message, /[.\n]$/);
          return true;
        }, JSON.stringify(raw));
      }
    });

    it(`${field.path} may come from the environment`, () => {
      for (const [raw, expected] of field.good) {
        const variables = new Map<string, string>();
        const named = (value: unknown): unknown => {
          if (Array.isArray(value)) return value.map(named);
          if (typeof value === "object" && value !== null) {
            return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, named(of)]));
          }
          variables.set(`V_${variables.size}`, String(value));
          return `env.V_${variables.size - 1}`;
        };
        const clusterConfig = withValue(base, field.path, named(raw));
        const env = (name: string): string | undefined => variables.get(name);
        const config = resolveConfig({ cluster_config: clusterConfig }, { ...OPTIONS, env });
        assert.deepEqual(field.read(config), expected);
        assert.throws(
          () => resolved(clusterConfig),
          /^ClusterError: Cannot use cluster_config\S+: environment variable "V_\d" is not set, set it or write the value into the file$/,
        );
      }
    });
  }
});
