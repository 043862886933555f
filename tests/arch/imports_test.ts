import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { importFindings } from "./imports_rule.ts";
import { withPlanted } from "./planted_tree.ts";

/** What the rule says about one file that imports one thing. */
function verdict(file: string, specifier: string, how = "from"): string[] {
  const line = how === "from"
    ? `import { a } from "${specifier}";`
    : `await import("${specifier}");`;
  return withPlanted({ "mod.ts": "export {};\n", [file]: `${line}\n` }, importFindings);
}

describe("imports", () => {
  it("point the way CONTRIBUTING.md says, in every file", () => {
    assert.deepEqual(importFindings(ROOT), []);
  });

  const forbidden: readonly (readonly [string, string])[] = [
    ["src/core/a.ts", "../ports/clock.ts"],
    ["src/core/a.ts", "node:fs"],
    ["src/core/a.ts", "yaml"],
    ["src/core/a.ts", "./wire/frames.ts"],
    ["src/core/membership/a.ts", "../replication/b.ts"],
    ["src/core/wire/a.ts", "../membership/b.ts"],
    ["src/ports/a.ts", "../driver/b.ts"],
    ["src/config/a.ts", "../driver/b.ts"],
    ["src/driver/a.ts", "../testing/b.ts"],
    ["src/driver/a.ts", "../../mod.ts"],
    ["src/driver/a.ts", "node:net"],
    ["src/config/a.ts", "@bufbuild/protobuf"],
    ["src/testing/a.ts", "../../adapters/node/mod.ts"],
    ["mod.ts", "./adapters/node/mod.ts"],
    ["mod.ts", "./src/testing/mod.ts"],
    ["adapters/hono/a.ts", "../../src/core/errors.ts"],
    ["adapters/hono/a.ts", "../_node_compat/clock.ts"],
    ["adapters/node/a.ts", "../deno/mod.ts"],
    ["adapters/node/a.ts", "../../proto/gen/cluster/v1/link_pb.ts"],
    ["adapters/connect/a.ts", "../node/mod.ts"],
    ["adapters/hono/a.ts", "../_http2/b.ts"],
    ["adapters/_http2/a.ts", "../connect/b.ts"],
    ["adapters/discovery_etcd/a.ts", "../connect/mod.ts"],
  ];
  for (const [file, specifier] of forbidden) {
    it(`do not lead from ${file} to ${specifier}`, () => {
      const expected = [`${file} may not import ${JSON.stringify(specifier)}`];
      assert.deepEqual(verdict(file, specifier), expected);
      assert.deepEqual(verdict(file, specifier, "dynamic"), expected);
    });
  }

  const allowed: readonly (readonly [string, string])[] = [
    ["src/core/membership/a.ts", "../wire/frames.ts"],
    ["src/core/membership/a.ts", "../rng.ts"],
    ["src/driver/a.ts", "../core/membership/b.ts"],
    ["src/driver/a.ts", "../config/b.ts"],
    ["src/driver/a.ts", "@bufbuild/protobuf/wkt"],
    ["src/driver/a.ts", "../version.ts"],
    ["src/testing/a.ts", "../driver/b.ts"],
    ["adapters/deno/a.ts", "../_node_compat/clock.ts"],
    ["adapters/bun/a.ts", "../connect/mod.ts"],
    ["adapters/cli/a.ts", "../hono/mod.ts"],
    ["adapters/hono/a.ts", "hono"],
    ["adapters/connect/a.ts", "../_http2/b.ts"],
    ["adapters/discovery_etcd/a.ts", "../_http2/b.ts"],
    ["adapters/discovery_etcd/a.ts", "../../proto/gen/etcd/etcd_pb.ts"],
  ];
  for (const [file, specifier] of allowed) {
    it(`may lead from ${file} to ${specifier}`, () => {
      assert.deepEqual(verdict(file, specifier), []);
    });
  }

  it("in comments are no imports", () => {
    const files = { "mod.ts": '/**\n * import { a } from "node:fs";\n */\n// from "yaml"\n' };
    assert.deepEqual(withPlanted(files, importFindings), []);
  });
});
