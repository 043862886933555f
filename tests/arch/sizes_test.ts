import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { withPlanted } from "./planted_tree.ts";
import { longFiles } from "./sizes_rule.ts";

function treeWith(lines: number): Record<string, string> {
  return { "mod.ts": "export {};\n", "src/core/planted.ts": "export {};\n".repeat(lines) };
}

describe("files", () => {
  it("stay below 500 lines, and those above 300 are named", (t) => {
    const long = longFiles(ROOT);
    for (const { file, lines } of long) t.diagnostic(`${file} has ${lines} lines`);
    assert.deepEqual(long.filter((each) => each.isTooLong), []);
  });

  it("of 300 lines are not reported, of 301 are, of 501 are too long", () => {
    assert.deepEqual(withPlanted(treeWith(300), longFiles), []);
    assert.deepEqual(withPlanted(treeWith(301), longFiles), [
      { file: "src/core/planted.ts", lines: 301, isTooLong: false },
    ]);
    assert.equal(withPlanted(treeWith(501), longFiles)[0]?.isTooLong, true);
  });
});
