import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { decodeUtf8, encodeUtf8, utf8Length } from "../../../src/core/wire/utf8.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function reference(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

describe("UTF-8 by hand", () => {
  it("agrees with the engine on every code point", () => {
    const encoder = new TextEncoder();
    for (let point = 0; point <= 0x10ffff; point += point < 0x3000 ? 1 : 97) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const text = String.fromCodePoint(point);
      const bytes = encodeUtf8(text);
      assert.equal(utf8Length(text), bytes.length);
      if (bytes.some((byte, i) => byte !== encoder.encode(text)[i])) assert.fail(`U+${point}`);
      assert.equal(decodeUtf8(bytes, 0, bytes.length), text);
    }
  });

  it("agrees with the engine on what is ill-formed", () => {
    const rng = new Rng(7);
    const lead = [
      0x41,
      0x7f,
      0x80,
      0xbf,
      0xc0,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
    ];
    for (let i = 0; i < 30_000; i++) {
      const bytes = Uint8Array.from(
        { length: 1 + rng.below(6) },
        () => rng.chance(0.5) ? lead[rng.below(lead.length)] as number : 0x80 + rng.below(64),
      );
      assert.equal(decodeUtf8(bytes, 0, bytes.length), reference(bytes), String(bytes));
    }
  });

  it("reads long runs of ASCII and stays inside its bounds", () => {
    const text = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(3);
    const bytes = encodeUtf8(`<${text}>`);
    assert.equal(decodeUtf8(bytes, 1, bytes.length - 1), text);
    assert.equal(decodeUtf8(encodeUtf8("aé"), 0, 2), undefined);
  });

  it("refuses half a surrogate pair", () => {
    assert.equal(utf8Length("\ud83e"), -1);
    assert.throws(() => encodeUtf8("x\udd8a"), TypeError);
  });
});
