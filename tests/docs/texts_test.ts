import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withPlanted } from "../arch/planted_tree.ts";
import { ROOT } from "../../tools/project.ts";
import { textFindings } from "./texts_rule.ts";

function findingsOf(text: string): string[] {
  const files = { "deno.json": '{ "tasks": { "test": "x" } }', "src/a.ts": "", "docs/a.md": text };
  return withPlanted(files, textFindings);
}

describe("texts", () => {
  it("name only tasks and files that are there", () => {
    assert.deepEqual(textFindings(ROOT), []);
  });

  it("are found out when they name a task that is none", () => {
    assert.equal(findingsOf("run `npx -y deno@2 task tset`").length, 1);
    assert.equal(findingsOf("run `deno task demo --stay`").length, 1);
    assert.deepEqual(findingsOf("run `npx -y deno@2.9.6 task test`"), []);
  });

  it("are found out when they name or link to a file that is not there", () => {
    assert.equal(findingsOf("see `src/b.ts`").length, 1);
    assert.equal(findingsOf("see [that](../src/b.ts#part)").length, 1);
    assert.deepEqual(findingsOf("see [this](../src/a.ts), `src/a.ts`, `src/**/*.ts`"), []);
  });
});
