import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "../../../src/core/wire/crc32.ts";
import { encodeMessage } from "../../../src/core/wire/encode.ts";
import { createPacketCodec } from "../../../src/core/wire/packet_codec.ts";
import { openAll, wireConfig } from "../../interop/wire_under_test.ts";

const ping = encodeMessage({ type: "ping", seqNo: 100, node: "n" });
const codec = createPacketCodec(wireConfig({}), crc32);

describe("CRC-32", () => {
  it("gives the check value of the catalogues", () => {
    assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
    assert.equal(crc32(new Uint8Array(0)), 0);
    assert.equal(crc32(new Uint8Array(32)), 0x190a55ad);
    assert.equal(crc32(new Uint8Array(32).fill(255)), 0xff6cab0b);
  });

  it("does not depend on where the bytes lie", () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => i * 31 & 255);
    for (let start = 0; start < 8; start++) {
      for (let end = start; end < 40; end++) {
        assert.equal(crc32(bytes.subarray(start, end)), crc32(bytes.slice(start, end)));
      }
    }
  });
});

describe("the CRC header", () => {
  it("stands in front when asked for, and only then (Go: TestRawSendUdp_CRC)", () => {
    assert.deepEqual(Uint8Array.from(codec.seal([ping], false)), Uint8Array.from(ping));
    const withCrc = codec.seal([ping], true);
    assert.equal(withCrc[0], 12);
    assert.equal(new DataView(withCrc.buffer, withCrc.byteOffset).getUint32(1), crc32(ping));
    assert.deepEqual(withCrc.slice(5), Uint8Array.from(ping));
  });

  it("that does not match drops the packet (Go: TestIngestPacket_CRC)", () => {
    const good = codec.seal([ping], true);
    assert.equal(openAll(wireConfig({}), good).messages.length, 1);
    const bad = good.slice();
    bad[1] = (bad[1] as number) ^ 1;
    assert.deepEqual(openAll(wireConfig({}), bad), { messages: [], encoded: [], dropped: ["crc"] });
  });

  it("shorter than itself is no header", () => {
    assert.deepEqual(openAll(wireConfig({}), Uint8Array.of(12, 0, 0)).dropped, ["unknown-type"]);
    const nothing = Uint8Array.of(12, 0, 0, 0, 0);
    assert.deepEqual(openAll(wireConfig({}), nothing).dropped, ["empty"]);
  });

  it("is not needed for an empty packet to be dropped (Go: TestIngestPacket_ExportedFunc_EmptyMessage)", () => {
    assert.deepEqual(openAll(wireConfig({}), new Uint8Array(0)).dropped, ["empty"]);
  });
});
