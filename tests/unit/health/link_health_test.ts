import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LinkHealth } from "../../../src/core/health/link_health.ts";

function healthyPeer(): LinkHealth {
  const health = new LinkHealth({ success: 3, failure: 3 });
  health.check("b", "gossip");
  health.check("b", "rpc");
  return health;
}

describe("link health", () => {
  it("takes a new peer for healthy after its first good check on both planes", () => {
    const health = new LinkHealth();
    assert.deepEqual(health.verdict("b"), { healthy: false, reason: "not checked yet" });
    assert.equal(health.check("b", "gossip"), false);
    assert.equal(health.verdict("b").healthy, false);
    assert.equal(health.check("b", "rpc"), true);
    assert.deepEqual(health.verdict("b"), { healthy: true });
  });

  it("shows a peer whose gossip works while its RPC port does not, with the reason", () => {
    const health = healthyPeer();
    for (let i = 0; i < 3; i++) {
      health.check("b", "gossip");
      health.check("b", "rpc", "connection refused by 10.0.0.2:10102");
    }
    assert.deepEqual(health.verdict("b"), {
      healthy: false,
      reason: "rpc: connection refused by 10.0.0.2:10102",
    });
  });

  it("changes a verdict only after the threshold of checks in a row", () => {
    const health = healthyPeer();
    assert.equal(health.check("b", "rpc", "x"), false);
    assert.equal(health.check("b", "rpc", "x"), false);
    health.check("b", "rpc");
    assert.equal(health.check("b", "rpc", "x"), false);
    assert.equal(health.check("b", "rpc", "x"), false);
    assert.equal(health.check("b", "rpc", "x"), true);
    assert.equal(health.check("b", "rpc"), false);
    assert.equal(health.check("b", "rpc"), false);
    assert.equal(health.check("b", "rpc"), true);
  });

  it("starts afresh with a forgotten peer", () => {
    const health = healthyPeer();
    health.forget("b");
    assert.equal(health.verdict("b").healthy, false);
  });

  it("refuses thresholds below 1", () => {
    assert.throws(() => new LinkHealth({ success: 0, failure: 3 }), RangeError);
  });
});
