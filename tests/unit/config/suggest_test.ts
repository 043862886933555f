import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { editDistance, isNear, nearest } from "../../../src/config/suggest.ts";

describe("editDistance", () => {
  for (
    const [a, b, distance] of [
      ["", "", 0],
      ["", "abc", 3],
      ["abc", "", 3],
      ["port", "port", 0],
      ["prot", "port", 1],
      ["pot", "port", 1],
      ["sport", "port", 1],
      ["part", "port", 1],
      ["ca", "abc", 3],
      ["kitten", "sitting", 3],
    ] as const
  ) {
    it(`of "${a}" and "${b}" is ${distance}`, () => {
      assert.equal(editDistance(a, b), distance);
      assert.equal(editDistance(b, a), distance);
    });
  }
});

describe("nearest", () => {
  it("prefers the first of equals and needs at least one", () => {
    assert.equal(nearest("x", ["a", "b"]), "a");
    assert.equal(nearest("x", []), undefined);
  });

  it("looks at the beginning of a very long word only", () => {
    assert.equal(nearest("p".repeat(1_000_000), ["port", "peers"]), "port");
  });
});

describe("isNear", () => {
  it("forgives slips but not other words", () => {
    assert.ok(isNear("clusterConfig", "cluster_config"));
    assert.ok(isNear("cluter_confg", "cluster_config"));
    assert.ok(!isNear("client_config", "cluster_config"));
    assert.ok(!isNear("config_store", "cluster_config"));
  });
});
