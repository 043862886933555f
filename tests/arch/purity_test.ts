import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { withPlanted } from "./planted_tree.ts";
import { purityFindings } from "./purity_rule.ts";

function findingsOf(line: string): string[] {
  return withPlanted({ "src/core/planted.ts": `${line}\n` }, purityFindings);
}

describe("the core", () => {
  it("touches no clock, dice, timer, global or inexact arithmetic", () => {
    assert.deepEqual(purityFindings(ROOT), []);
  });

  const impure: readonly string[] = [
    "const now = Date.now();",
    "const now = new Date();",
    "const now = performance.now();",
    "const dice = Math.random();",
    "const x = Math.log(2);",
    "const x = Math.log2(2);",
    "const x = Math.pow(2, n);",
    "const x = Math.exp(1);",
    "const x = Math.atan2(1, 2);",
    "const x = 2 ** n;",
    "const x = n ** 2;",
    "setTimeout(() => {}, 1);",
    "queueMicrotask(() => {});",
    "async function f() {}",
    "globalThis.x = 1;",
    "const key = crypto.randomUUID();",
    "console.log(1);",
    "names.sort((a, b) => a.localeCompare(b));",
  ];
  for (const line of impure) {
    it(`may not say ${line}`, () => assert.equal(findingsOf(line).length, 1));
  }

  const pure: readonly string[] = [
    "// Unlike Math.random(), this replays.",
    " * `Date.now()` is not read here.",
    "const x = Math.floor(y); // never Math.pow(2, n)",
    "const updated = member.updateDate;",
    "const x = 2 ** 32;",
    "const x = 10n ** digits;",
    "*entries() {",
  ];
  for (const line of pure) {
    it(`may say ${line}`, () => assert.deepEqual(findingsOf(line), []));
  }
});
