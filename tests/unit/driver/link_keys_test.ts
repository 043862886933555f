import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deriveLinkKey } from "../../../src/driver/link_keys.ts";

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

describe("deriveLinkKey", () => {
  // The answers of `openssl kdf ... HKDF` for the keys 00 01 02 ...
  const known: Readonly<Record<number, string>> = {
    16: "ec28abf6c6f56bab043b3c2b912d7ebf2b4caad2e71980de739f456835740fc9",
    24: "4c47dc92eb67efb825812c0da365b8b9ccbe844080b5c298b4bd6b613b3483b8",
    32: "c4d44d135d2c50b4556e56f5afe14c20617fb6a587204ff712e420ccc30a4ae7",
  };
  for (const [length, answer] of Object.entries(known)) {
    it(`is HKDF-SHA256 of a key of ${length} bytes`, async () => {
      const gossipKey = Uint8Array.from({ length: Number(length) }, (_, i) => i);
      assert.equal(hex(await deriveLinkKey(gossipKey)), answer);
    });
  }

  it("refuses other lengths, and names the length only", async () => {
    await assert.rejects(deriveLinkKey(new Uint8Array(15).fill(7)), {
      name: "RangeError",
      message: "Cannot derive a link key as gossip keys have 16, 24 or 32 bytes: it has 15",
    });
  });
});
