import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KnownMember } from "../../../src/driver/member_view.ts";
import { Rivals } from "../../../src/driver/rivals.ts";
import { eventually } from "../../eventually.ts";
import { TestCluster } from "./cluster.ts";

function member(name: string, nodeId: string, state: "alive" | "dead" = "alive"): KnownMember {
  return { member: { name, state }, meta: { nodeId } } as unknown as KnownMember;
}

describe("two running nodes with one node id", () => {
  it("are found after the time a restart takes, once, and forgotten when one goes", () => {
    const rivals = new Rivals();
    const both = [member("x-2", "x"), member("x-1", "x"), member("y-1", "y")];
    assert.deepEqual(rivals.look(both, 0), []);
    assert.deepEqual(rivals.look(both, 14_999), []);
    assert.deepEqual(rivals.look(both, 15_000), ["x"]);
    assert.deepEqual(rivals.of("x"), ["x-1", "x-2"]);
    assert.deepEqual(rivals.look(both, 16_000), []);
    assert.deepEqual(rivals.look([member("x-1", "x", "dead"), member("x-2", "x")], 17_000), []);
    assert.equal(rivals.of("x"), undefined);
  });

  it("are shown as unhealthy with the reason, and said in the log, and their links do not flap", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    const one = await cluster.start("x");
    const two = await cluster.start("x");
    await one.node.join([a.address]);
    await two.node.join([a.address]);
    await eventually("a sees all three", () => a.node.members().length === 3);
    await eventually(
      "a says it",
      () => a.log.some(({ message }) => message.startsWith("two running nodes have one node_id")),
      30_000,
    );
    const shared = a.node.members().filter(({ nodeId }) => nodeId === "x");
    assert.equal(shared.length, 2);
    for (const { healthy, reason } of shared) {
      assert.equal(healthy, false);
      assert.match(reason ?? "", /^node_id "x" is shared by x-\d+ and x-\d+$/);
    }
  });
});
