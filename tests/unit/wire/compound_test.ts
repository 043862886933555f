import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Blocks } from "../../../src/core/wire/blocks.ts";
import { compoundOverhead, encodeCompound } from "../../../src/core/wire/compound.ts";
import { encodeMessage } from "../../../src/core/wire/encode.ts";
import { openAll, wireConfig } from "../../interop/wire_under_test.ts";

const ping = encodeMessage({ type: "ping", seqNo: 100, node: "n" });
const compound = (parts: readonly Uint8Array[]) => encodeCompound(parts, new Blocks());
const open = (packet: Uint8Array) => openAll(wireConfig({}), packet);

describe("compound messages", () => {
  it("take two bytes, two per part, and the parts (Go: TestMakeCompoundMessage)", () => {
    const joined = compound([ping, ping, ping]);
    assert.equal(joined.length, 3 * ping.length + 3 * 2 + 2);
    assert.equal(compoundOverhead(3), 8);
  });

  it("come apart whole (Go: TestDecodeCompoundMessage)", () => {
    const { messages, encoded, dropped } = open(compound([ping, ping, ping]));
    assert.equal(messages.length, 3);
    assert.deepEqual(encoded, [ping, ping, ping].map((part) => Uint8Array.from(part)));
    assert.deepEqual(dropped, []);
  });

  it("without their lengths are dropped (Go: TestDecodeCompoundMessage_NumberOfPartsOverflow)", () => {
    assert.deepEqual(open(Uint8Array.of(7, 128)).dropped, ["compound"]);
    assert.deepEqual(open(Uint8Array.of(7, 128, 0, 1)).dropped, ["compound"]);
    assert.deepEqual(open(Uint8Array.of(7)).dropped, ["compound"]);
  });

  it("keep the parts before the cut (Go: TestDecodeCompoundMessage_Trunc)", () => {
    const joined = compound([ping, ping, ping]);
    const { messages, dropped } = open(joined.slice(0, joined.length - 10));
    assert.equal(messages.length, 2);
    assert.deepEqual(dropped, ["compound"]);
  });

  it("lose only the part that is empty or broken", () => {
    const { messages, dropped } = open(
      compound([ping, new Uint8Array(0), Uint8Array.of(99), ping]),
    );
    assert.equal(messages.length, 2);
    assert.deepEqual(dropped, ["empty", "unknown-type"]);
  });

  it("hold 255 parts of 65,535 bytes and refuse more", () => {
    const part = Uint8Array.of(8, 1);
    assert.equal(open(compound(new Array(255).fill(part))).messages.length, 255);
    assert.throws(() => compound(new Array(256).fill(part)), RangeError);
    assert.throws(() => compound([]), RangeError);
    const largest = new Uint8Array(65_535).fill(8);
    assert.equal(open(compound([largest, part])).messages.length, 2);
    assert.throws(() => compound([part, new Uint8Array(65_536)]), RangeError);
  });

  it("are followed eight deep and no deeper", () => {
    let nested = ping;
    for (let depth = 1; depth <= 9; depth++) {
      nested = compound([nested]);
      const { messages, dropped } = open(nested);
      assert.equal(messages.length, depth <= 8 ? 1 : 0, `depth ${depth}`);
      assert.deepEqual(dropped, depth <= 8 ? [] : ["nesting"]);
    }
  });

  it("do not carry layers that belong outside", () => {
    const label = Uint8Array.of(244, 1, 97, ...ping);
    const crc = Uint8Array.of(12, 0, 0, 0, 0, ...ping);
    assert.deepEqual(open(compound([label, crc])).dropped, ["unknown-type", "unknown-type"]);
  });
});
