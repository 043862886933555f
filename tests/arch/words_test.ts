import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { withPlanted } from "./planted_tree.ts";
import { wordFindings } from "./words_rule.ts";

/** Joined here, so that this file does not show the words itself. */
const planted: readonly (readonly [string, string])[] = [
  ["src/a.ts", "// TO" + "DO later"],
  ["README.md", "This is not implemente" + "d."],
  ["tests/unit/a_test.ts", "it.onl" + 'y("x", () => {});'],
  ["tests/unit/a_test.ts", "await slee" + "p(5);"],
  ["tests/runtime/a_test.ts", "new Promise((done) => setTimeou" + "t(done, 500));"],
  ["docs/a.md", "see `/wor" + "k/main`"],
  ["tools/a.ts", 'const scratch = "/tm' + 'p/x";'],
  ["deno.lock", '"https://registry.npmj' + 's.org/x"'],
];

describe("files show", () => {
  it("no unfinished work, idle or sleeping test, machine path or registry host", () => {
    assert.deepEqual(wordFindings(ROOT), []);
  });

  for (const [file, text] of planted) {
    it(`a finding when ${file} says ${text.replaceAll("/", "|")}`, () => {
      assert.equal(withPlanted({ [file]: `${text}\n` }, wordFindings).length, 1);
    });
  }

  it("nothing when they speak of ordinary things", () => {
    const text = 'const workers = new URL("/working", base); // a timeout of 1_000 ms\n';
    assert.deepEqual(withPlanted({ "src/a.ts": text }, wordFindings), []);
  });
});
