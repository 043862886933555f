import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Outgoing, SendLane } from "../../adapters/_node_compat/send_lane.ts";
import { eventually } from "../eventually.ts";

function outgoing(to: string, length: number): Outgoing {
  return { to, destination: { ip: "127.0.0.1", port: 1 }, bytes: new Uint8Array(length) };
}

describe("a lane of datagrams", () => {
  it("writes one at a time, in order, and goes on after a failure", async () => {
    const written: string[] = [];
    const failed: string[] = [];
    let underWay = 0;
    const lane = new SendLane(async ({ to }) => {
      assert.equal(++underWay, 1);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      if (to === "2") throw new Error("no route");
      written.push(to);
    }, (to) => failed.push(to));
    for (const to of ["1", "2", "3", "4"]) lane.push(outgoing(to, 10));
    await eventually("the last is written", () => written.includes("4"));
    lane.push(outgoing("5", 10));
    await eventually("the late one is written", () => written.includes("5"));
    assert.deepEqual(written, ["1", "3", "4", "5"]);
    assert.deepEqual(failed, ["2"]);
  });

  it("drops and tells what is above its bound", async () => {
    const failed: string[] = [];
    let written = 0;
    const lane = new SendLane(() => Promise.resolve(void written++), (to) => failed.push(to));
    lane.push(outgoing("under way", 10));
    for (let i = 0; i < 100; i++) lane.push(outgoing(`${i}`, 60_000));
    assert.equal(failed.length, 100 - Math.floor(4_194_304 / 60_000));
    await eventually("the rest is written", () => written === 101 - failed.length);
  });

  it("drops what waits when it is closed, and tells nobody", async () => {
    const failed: string[] = [];
    const written: string[] = [];
    let release = (): void => {};
    const lane = new SendLane(({ to }) => {
      written.push(to);
      return new Promise((_, reject) => release = () => reject(new Error("closed")));
    }, (to) => failed.push(to));
    for (const to of ["1", "2"]) lane.push(outgoing(to, 10));
    lane.close();
    release();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([written, failed], [["1"], []]);
  });
});
