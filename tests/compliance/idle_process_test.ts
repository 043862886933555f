import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { firstLine, startModule } from "./child.ts";

const { name } = await runtimeUnderTest();

describe(`a process on ${name} with a runtime and nothing to do`, () => {
  it("ends by itself, whatever alarms are armed and signals are awaited", async () => {
    const child = startModule("idle_process");
    try {
      assert.equal(await firstLine(child), "idle");
      await eventually("the process ends", () => child.exitCode !== null || child.signalCode);
      assert.equal(child.exitCode, 0);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
