import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { Blocks } from "../../../src/core/wire/blocks.ts";
import { encodeCompound } from "../../../src/core/wire/compound.ts";
import { compressAlways, compressIfSmaller, decompress } from "../../../src/core/wire/compress.ts";
import { encodeMessage } from "../../../src/core/wire/encode.ts";
import { STREAM_BYTES_MAX } from "../../../src/core/wire/limits.ts";
import { LzwDecoder } from "../../../src/core/wire/lzw_decoder.ts";
import { lzwBytesMax, LzwEncoder } from "../../../src/core/wire/lzw_encoder.ts";
import { openAll, wireConfig } from "../../interop/wire_under_test.ts";

const ping = encodeMessage({ type: "ping", seqNo: 100, node: "n" });
const expand = (message: Uint8Array, max: number) => decompress(message, 1, message.length, max);
const open = (packet: Uint8Array) => openAll(wireConfig({}), packet);

describe("LZW", () => {
  it("brings back what it was given, table after table", () => {
    const encoder = new LzwEncoder();
    const decoder = new LzwDecoder();
    const rng = new Rng(11);
    // More rounds than the encoder has generations, so that the table is wiped in between.
    for (let round = 0; round < 2500; round++) {
      const letters = 1 + rng.below(round % 5 === 0 ? 256 : 6);
      const length = round % 100 === 0 ? rng.below(40_000) : rng.below(300);
      const input = Uint8Array.from({ length }, () => rng.below(letters));
      const out = new Uint8Array(lzwBytesMax(length));
      const end = encoder.encode(input, out, 0, out.length);
      assert.ok(end > 0 && end <= out.length);
      const back = decoder.decode(out.subarray(0, end), length);
      assert.deepEqual(back, input);
    }
  });

  it("gives up as soon as the limit is passed", () => {
    const encoder = new LzwEncoder();
    const input = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7919) & 255);
    const out = new Uint8Array(2000);
    const end = encoder.encode(input, out, 0, 2000);
    assert.equal(encoder.encode(input, out, 0, end - 1), -1);
    assert.equal(encoder.encode(input, out, 0, end), end);
  });

  it("names what is wrong with its input", () => {
    const decoder = new LzwDecoder();
    const room = new Uint8Array(1000);
    const input = new Uint8Array(500).fill(65);
    const good = room.slice(0, new LzwEncoder().encode(input, room, 0, room.length));
    for (let end = 0; end < good.length - 1; end++) {
      assert.equal(decoder.decode(good.slice(0, end), 1000), "truncated", `cut at ${end}`);
    }
    assert.equal(decoder.decode(good, 499), "too-large");
    // A clear, then 511: a code that stands for nothing yet.
    assert.equal(decoder.decode(Uint8Array.of(0x00, 0xff, 0x03), 10), "invalid");
    assert.deepEqual(
      decoder.decode(Uint8Array.of(...good, 1, 2, 3), 500),
      new Uint8Array(500).fill(65),
    );
  });
});

describe("compress messages", () => {
  it("come back whole (Go: TestCompressDecompressPayload)", () => {
    const plain = new TextEncoder().encode("testing");
    assert.deepEqual(expand(compressAlways(plain), 100), plain);
  });

  it("may expand to 40 MiB and not a byte more (Go: TestDecompressPayload_Limit)", () => {
    const above = compressAlways(new Uint8Array(STREAM_BYTES_MAX + 1));
    assert.equal(expand(above, STREAM_BYTES_MAX), "too-large");
    const half = compressAlways(new Uint8Array(STREAM_BYTES_MAX / 2 + 1));
    const plain = expand(half, STREAM_BYTES_MAX);
    assert.equal(typeof plain === "string" ? plain : plain.length, STREAM_BYTES_MAX / 2 + 1);
  });

  it("are used in packets only if strictly smaller", () => {
    const rng = new Rng(3);
    let used = 0;
    for (let round = 0; round < 2000; round++) {
      const letters = 1 + rng.below(8);
      const plain = Uint8Array.from({ length: rng.below(120) }, () => rng.below(letters));
      const always = compressAlways(plain);
      const smaller = compressIfSmaller(plain);
      assert.equal(smaller !== undefined, always.length < plain.length, `${plain.length} bytes`);
      if (smaller === undefined) continue;
      used += 1;
      assert.deepEqual(smaller, always);
    }
    assert.ok(used > 200);
  });

  it("reach the messages in a packet, also around and inside compounds", () => {
    const blocks = new Blocks();
    const inner = compressAlways(encodeCompound([ping, ping], blocks));
    const outer = compressAlways(encodeCompound([inner, ping], blocks));
    const { messages, dropped } = open(outer);
    assert.equal(messages.length, 3);
    assert.deepEqual(dropped, []);
  });

  it("are followed twice and no deeper", () => {
    const twice = compressAlways(compressAlways(ping));
    assert.equal(open(twice).messages.length, 1);
    assert.deepEqual(open(compressAlways(twice)).dropped, ["nesting"]);
  });

  it("of another algorithm, broken or empty are dropped", () => {
    const other = compressAlways(ping).slice();
    other[7] = 1;
    assert.deepEqual(open(other).dropped, ["compress"]);
    const cut = compressAlways(ping).slice();
    cut[cut.length - 1] = 0;
    cut[cut.length - 2] = 0;
    assert.deepEqual(open(cut).dropped, ["compress"]);
    assert.deepEqual(open(compressAlways(new Uint8Array(0))).dropped, ["empty"]);
    assert.deepEqual(open(Uint8Array.of(9, 0x81)).dropped, ["malformed"]);
  });

  it("share one limit in a packet: a bomb is dropped, however it is cut up", () => {
    const bomb = compressAlways(new Uint8Array(255 * 65_536 + 1));
    assert.ok(bomb.length < 65_535);
    assert.deepEqual(open(bomb).dropped, ["too-large"]);
    // Each of these fits; together they do not.
    const third = compressAlways(Uint8Array.of(8, ...new Uint8Array(100_000)));
    const many = encodeCompound(new Array(255).fill(third), new Blocks());
    const { messages, dropped } = open(many);
    assert.equal(messages.length, Math.floor(255 * 65_536 / 100_001));
    assert.equal(dropped.length, 255 - messages.length);
    assert.ok(dropped.every((reason) => reason === "too-large"));
  });

  it("do not multiply messages without end", () => {
    const blocks = new Blocks();
    const tiny = encodeCompound(new Array(255).fill(Uint8Array.of(8)), blocks);
    const { messages, dropped } = open(
      compressAlways(encodeCompound(new Array(40).fill(tiny), blocks)),
    );
    assert.ok(messages.length < 4096);
    assert.deepEqual(dropped, ["too-large"]);
  });
});
