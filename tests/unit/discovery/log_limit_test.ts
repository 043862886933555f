import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LogLimit } from "../../../src/discovery/log_limit.ts";
import { ManualClock } from "../../../src/testing/memory/mod.ts";

describe("the limit of a log", () => {
  it("lets five records of one text a minute through, and says how many it kept back", async () => {
    const clock = new ManualClock();
    const said: string[] = [];
    const log = new LogLimit(
      clock,
      (_level, message, fields) => said.push(`${message} ${fields?.["suppressed"] ?? 0}`),
    );
    for (let i = 0; i < 100; i++) log.say("warn", "discovery failed");
    log.say("info", "another");
    assert.deepEqual(said, [...Array(5).fill("discovery failed 0"), "another 0"]);
    await clock.advance(60_000);
    log.say("warn", "discovery failed");
    log.say("warn", "discovery failed");
    assert.deepEqual(said.slice(6), ["discovery failed 95", "discovery failed 0"]);
  });

  it("lets nobody get around it with ever new texts", () => {
    let said = 0;
    const log = new LogLimit(new ManualClock(), () => void said++);
    for (let i = 0; i < 10_000; i++) log.say("warn", `text ${i}`);
    assert.ok(said < 300, `${said} records`);
  });
});
