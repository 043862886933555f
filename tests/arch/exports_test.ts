import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import {
  committedSurface,
  currentSurface,
  SNAPSHOT,
  surfaceChanges,
} from "../../tools/api_snapshot.ts";
import { denoManifest, ROOT } from "../../tools/project.ts";

const isDeno = process.versions["deno"] !== undefined;
const isNode = !isDeno && process.versions["bun"] === undefined;

describe("the public surface", () => {
  // Only Deno reads types from sources; the values are compared on every runtime below.
  if (isDeno) {
    it("is the one in exports.snapshot.txt (tools/api_snapshot.ts writes it)", async () => {
      const committed = readFileSync(SNAPSHOT, "utf8");
      assert.deepEqual(surfaceChanges(committed, await currentSurface()), []);
    });
  }

  for (const [subpath, source] of Object.entries(denoManifest().exports)) {
    it(`loads at ${subpath} and gives no value that the snapshot lacks`, async () => {
      const names = committedSurface().get(subpath);
      assert.ok(names !== undefined, `${subpath} is not in the snapshot`);
      const file = isNode
        ? join(ROOT, ".build", source.replace(/\.ts$/, ".js"))
        : join(ROOT, source);
      const values = Object.keys(await import(pathToFileURL(file).href));
      assert.deepEqual(values.filter((name) => !names.has(name)), []);
    });
  }

  it("is said to change when a name comes, goes or moves to another entry", () => {
    assert.deepEqual(surfaceChanges(".\n  a\n./x\n  b\n", ".\n  a\n  b\n./x\n"), [
      "new     .: b",
      "missing ./x: b",
    ]);
  });
});
