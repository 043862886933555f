import assert from "node:assert/strict";
import { it } from "node:test";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { ended, firstLine, startModule } from "./child.ts";

const { name } = await runtimeUnderTest();

it(`signals of ${name} tell every listener of each signal, until it leaves`, async () => {
  const child = startModule("signals_process");
  try {
    assert.equal(await firstLine(child), "1 held");
    assert.equal(await ended(child), 0);
  } finally {
    child.kill("SIGKILL");
  }
});
