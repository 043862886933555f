import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "../../../src/core/errors.ts";
import { openPayload, sealPayload } from "../../../src/core/wire/encryption.ts";
import { Keyring } from "../../../src/core/wire/keyring.ts";
import { aesGcm } from "../../interop/aes_gcm.ts";

const key = (fill: number, length = 16) => new Uint8Array(length).fill(fill);
const ring = (keys: readonly Uint8Array[], primary?: Uint8Array) =>
  new Keyring((bytes) => aesGcm(bytes), keys, primary);
const badConfig = (error: unknown) => ClusterError.is(error, "bad-config");

describe("the keyring", () => {
  it("is empty without keys: encryption is off (Go: TestKeyring_EmptyRing)", () => {
    const empty = ring([]);
    assert.equal(empty.size, 0);
    assert.deepEqual(empty.ciphers(), []);
    assert.deepEqual(empty.list(), []);
    assert.equal(ring([], new Uint8Array(0)).size, 0);
    empty.remove(key(1));
    assert.equal(empty.size, 0);
  });

  it("may hold a primary alone (Go: TestKeyring_PrimaryOnly)", () => {
    assert.deepEqual(ring([], key(1)).list(), [key(1)]);
  });

  it("has the primary in front and no duplicates (Go: TestKeyring_GetPrimaryKey)", () => {
    const three = ring([key(1), key(2), key(3, 32), key(2)], key(2));
    assert.deepEqual(three.list(), [key(2), key(1), key(3, 32)]);
    assert.equal(three.ciphers().length, 3);
  });

  it("needs a primary as soon as there are keys", () => {
    assert.throws(() => ring([key(1)]), badConfig);
  });

  it("adds, uses and removes, but never the primary (Go: TestKeyring_AddRemoveUse)", () => {
    const keys = ring([], key(1));
    keys.add(key(2));
    keys.add(key(3));
    keys.add(key(2));
    assert.deepEqual(keys.list(), [key(1), key(2), key(3)]);
    keys.use(key(3));
    assert.deepEqual(keys.list(), [key(3), key(1), key(2)]);
    assert.throws(() => keys.remove(key(3)), badConfig);
    assert.throws(() => keys.use(key(9)), badConfig);
    keys.remove(key(9));
    assert.deepEqual(keys.list(), [key(3), key(1), key(2)]);
    keys.remove(key(1));
    assert.deepEqual(keys.list(), [key(3), key(2)]);
  });

  it("makes the first key added to an empty ring the primary", () => {
    const keys = ring([]);
    keys.add(key(4));
    assert.deepEqual(keys.list(), [key(4)]);
    assert.throws(() => keys.remove(key(4)), badConfig);
  });

  it("takes keys of 16, 24 and 32 bytes only (Go: TestCreate_secretKey)", () => {
    for (const length of [16, 24, 32]) assert.equal(ring([], key(1, length)).size, 1);
    const keys = ring([], key(1));
    for (const length of [0, 3, 15, 17, 31, 33, 38]) {
      assert.throws(() => keys.add(key(1, length)), RangeError);
    }
    assert.equal(keys.size, 1);
  });

  it("opens with any installed key and with no removed one (Go: TestKeyRing_MultiKeyEncryptDecrypt)", () => {
    const plain = new TextEncoder().encode("this is a plain text message");
    const aad = new TextEncoder().encode("random data");
    const keys = ring([key(1), key(2, 24)], key(1));
    const seal = () => sealPayload(keys.ciphers()[0]!, 1, plain, aad, new Uint8Array(0));
    const first = seal();
    keys.use(key(2, 24));
    const second = seal();
    for (const sealed of [first, second]) {
      assert.deepEqual(openPayload(keys.ciphers(), sealed, aad), plain);
    }
    keys.remove(key(1));
    assert.equal(openPayload(keys.ciphers(), first, aad), undefined);
    assert.deepEqual(openPayload(keys.ciphers(), second, aad), plain);
  });

  it("keeps what it was given, whatever becomes of the array", () => {
    const mine = key(1);
    const keys = ring([], mine);
    mine.fill(9);
    keys.list()[0]?.fill(8);
    assert.deepEqual(keys.list(), [key(1)]);
  });

  it("never shows a key in an error", () => {
    const secret = key(0x41);
    const keys = ring([], secret);
    for (const attempt of [() => keys.remove(secret), () => keys.use(key(0x42))]) {
      assert.throws(attempt, (error: Error) => !/A{4}|B{4}|65,|41{4}|66,/.test(error.message));
    }
  });
});
