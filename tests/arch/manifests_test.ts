import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { manifestFindings } from "../../tools/check_manifests.ts";
import { ROOT } from "../../tools/project.ts";
import { setVersion } from "../../tools/set_version.ts";
import { withPlanted } from "./planted_tree.ts";

const deno = {
  name: "@a/b",
  version: "1.0.0",
  license: "MIT",
  exports: { ".": "./mod.ts" },
  imports: { yaml: "npm:yaml@^2.0.0" },
};
const npm = {
  name: "@a/b",
  version: "1.0.0",
  license: "MIT",
  exports: { ".": "./dist/mod.js" },
  bin: { b: "./dist/adapters/cli/main.js" },
  peerDependencies: { yaml: "^2.0.0" },
  peerDependenciesMeta: { yaml: { optional: true } },
  devDependencies: { yaml: "2.1.0" },
};

/** A tree whose manifests agree, with the given changes. */
function tree(
  changes: { deno?: object; npm?: object; files?: Record<string, string> } = {},
): Record<string, string> {
  return {
    "deno.json": `${JSON.stringify({ ...deno, ...changes.deno }, null, 2)}\n`,
    "package.json": `${JSON.stringify({ ...npm, ...changes.npm }, null, 2)}\n`,
    "deno.lock": "{}\n",
    "mod.ts": "export {};\n",
    "adapters/cli/main.ts": "#!/usr/bin/env node\nexport {};\n",
    "src/version.ts": 'export const VERSION: string = "1.0.0";\n',
    ...changes.files,
  };
}

describe("the manifests", () => {
  it("agree with each other, the lock, the version file and the sources", () => {
    assert.deepEqual(manifestFindings(ROOT), []);
  });

  it("agree in the planted tree before anything is changed", () => {
    assert.deepEqual(withPlanted(tree(), manifestFindings), []);
  });

  const planted: readonly (readonly [string, Parameters<typeof tree>[0]])[] = [
    ["a name that differs", { npm: { name: "@a/c" } }],
    ["a licence that differs", { deno: { license: "ISC" } }],
    ["a version file left behind", { deno: { version: "1.1.0" }, npm: { version: "1.1.0" } }],
    ["an export only Deno has", { deno: { exports: { ...deno.exports, "./x": "./mod.ts" } } }],
    ["an export only npm has", { npm: { exports: { ...npm.exports, "./x": "./dist/mod.js" } } }],
    ["an export from elsewhere", { npm: { exports: { ".": "./dist/main.js" } } }],
    ["an adapter without export", { files: { "adapters/hono/mod.ts": "export {};\n" } }],
    ["a range that differs", { npm: { peerDependencies: { yaml: "^1.0.0" } } }],
    ["a specifier of another registry", { deno: { imports: { yaml: "other:yaml@^2.0.0" } } }],
    ["a peer that is not optional", { npm: { peerDependenciesMeta: {} } }],
    ["a tool that is not pinned", { npm: { devDependencies: { yaml: "^2.1.0" } } }],
    ["a package no manifest knows", { files: { "src/a.ts": 'import "left-pad";\n' } }],
    ["a command without its first line", { files: { "adapters/cli/main.ts": "export {};\n" } }],
    ["a lock with a host", { files: { "deno.lock": '"https://host.example/x"\n' } }],
  ];
  for (const [name, changes] of planted) {
    it(`do not agree with ${name}`, () => {
      assert.equal(withPlanted(tree(changes), manifestFindings).length, 1);
    });
  }

  it("all get a new version at once", () => {
    withPlanted(tree(), (root) => {
      setVersion("1.2.3-rc.1", root);
      assert.deepEqual(manifestFindings(root), []);
      assert.match(readFileSync(join(root, "src/version.ts"), "utf8"), /"1\.2\.3-rc\.1"/);
      assert.throws(() => setVersion("1.2", root), /no semantic version/);
    });
  });
});
