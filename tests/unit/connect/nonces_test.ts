import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Nonces } from "../../../adapters/connect/nonces.ts";

describe("Nonces", () => {
  const dialler = new Uint8Array(32).fill(1);
  let now = 1000;
  const make = (usedMax = 10): Nonces => new Nonces({ ageMsMax: 100, usedMax }, () => now);

  it("are good once", () => {
    const nonces = make();
    const nonce = nonces.issue(dialler);
    assert.equal(nonces.isFresh(nonce, dialler), true);
    assert.equal(nonces.redeem(nonce), true);
    assert.equal(nonces.isFresh(nonce, dialler), false);
    assert.equal(nonces.redeem(nonce), false);
  });

  it("are good for their age only", () => {
    const nonces = make();
    const nonce = nonces.issue(dialler);
    now += 100;
    assert.equal(nonces.isFresh(nonce, dialler), true);
    now += 1;
    assert.equal(nonces.isFresh(nonce, dialler), false);
  });

  it("are bound to the dialler's nonce and to the process that issued them", () => {
    const nonces = make();
    const nonce = nonces.issue(dialler);
    assert.equal(nonces.isFresh(nonce, new Uint8Array(32)), false);
    assert.equal(make().isFresh(nonce, dialler), false);
    const bent = nonce.slice();
    bent[3]! ^= 1;
    assert.equal(nonces.isFresh(bent, dialler), false);
    assert.equal(nonces.isFresh(nonce.subarray(1), dialler), false);
  });

  it("are redeemed up to a bound, which frees itself with age", () => {
    const nonces = make(2);
    assert.equal(nonces.redeem(nonces.issue(dialler)), true);
    assert.equal(nonces.redeem(nonces.issue(dialler)), true);
    assert.equal(nonces.redeem(nonces.issue(dialler)), false);
    now += 101;
    assert.equal(nonces.redeem(nonces.issue(dialler)), true);
  });
});
