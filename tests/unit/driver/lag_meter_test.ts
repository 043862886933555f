import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LagMeter, meterLag } from "../../../src/driver/lag_meter.ts";
import { eventually } from "../../eventually.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";
import { TestCluster } from "./cluster.ts";

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe("a blocked event loop", () => {
  it("is measured while it is blocked and reported after", async () => {
    const { clock } = await wakefulRuntime();
    const lags: number[] = [];
    const meter: LagMeter = meterLag(clock, (lagMs) => lags.push(lagMs));
    assert.equal(meter.overdueMs(), 0);
    block(400);
    assert.ok(meter.overdueMs() > 200, `overdue ${meter.overdueMs()}`);
    await eventually("the lag is reported", () => lags.length > 0);
    assert.ok(lags[0]! > 200);
    meter.stop();
  });

  it("reaches the local health of a real node", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    assert.equal(a.node.status().membership?.lags, 0);
    block(1_200);
    await eventually("the node has heard of it", () => (a.node.status().membership?.lags ?? 0) > 0);
  });
});
