import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { computeLeaders, leaderChanges } from "../../../src/core/coordination/leaders.ts";
import { compareUtf8 } from "../../../src/core/utf8_order.ts";

describe("leaders", () => {
  it("seats the smallest id of the cluster and of each region", () => {
    const { cluster, regions } = computeLeaders([
      { nodeId: "c", region: "eu", state: "alive" },
      { nodeId: "b", region: "us", state: "alive" },
      { nodeId: "a", region: "us", state: "alive" },
    ]);
    assert.equal(cluster, "a");
    assert.deepEqual([...regions], [["eu", "c"], ["us", "a"]]);
  });

  it("lets a suspect keep its seat and unseats the dead and the left at once", () => {
    const others = { nodeId: "b", region: "eu", state: "alive" } as const;
    const seat = (state: "suspect" | "dead" | "left") =>
      computeLeaders([{ nodeId: "a", region: "eu", state }, others]).cluster;
    assert.equal(seat("suspect"), "a");
    assert.equal(seat("dead"), "b");
    assert.equal(seat("left"), "b");
  });

  it("names nobody when nobody may lead", () => {
    assert.equal(computeLeaders([]).cluster, undefined);
  });

  it("tells which seats changed hands", () => {
    const before = computeLeaders([{ nodeId: "a", region: "eu", state: "alive" }]);
    const after = computeLeaders([{ nodeId: "b", region: "us", state: "alive" }]);
    assert.deepEqual(leaderChanges(before, after), [
      { region: undefined, from: "a", to: "b" },
      { region: "eu", from: "a", to: undefined },
      { region: "us", from: undefined, to: "b" },
    ]);
    assert.deepEqual(leaderChanges(after, after), []);
  });

  it("orders ids by UTF-8 bytes, where surrogates come last", () => {
    const encoder = new TextEncoder();
    const bytesOrder = (a: string, b: string): number => {
      const x = encoder.encode(a);
      const y = encoder.encode(b);
      for (let i = 0; i < Math.min(x.length, y.length); i++) {
        if (x[i] !== y[i]) return x[i]! - y[i]!;
      }
      return x.length - y.length;
    };
    const words = ["", "a", "ab", "b", "é", "\uffee", "😀", "😀a", "\ue000", "Z", "10", "9"];
    for (const a of words) {
      for (const b of words) {
        assert.equal(Math.sign(compareUtf8(a, b)), Math.sign(bytesOrder(a, b)), `${a} and ${b}`);
      }
    }
  });
});
