import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "../../../src/core/wire/crc32.ts";
import type { StreamProgress } from "../../../src/core/wire/contract.ts";
import { encodeMessage } from "../../../src/core/wire/encode.ts";
import { labelBytes, labelHeader, labelOverhead } from "../../../src/core/wire/label.ts";
import type { Ping } from "../../../src/core/wire/messages.ts";
import { createPacketCodec } from "../../../src/core/wire/packet_codec.ts";
import { createStreamCodec } from "../../../src/core/wire/stream_codec.ts";
import { openAll, wireConfig } from "../../interop/wire_under_test.ts";

const message: Ping = { type: "ping", seqNo: 100, node: "n" };
const ping = encodeMessage(message).slice();
const header = (label: string) => labelHeader(labelBytes(label));
const with_ = (label: string) => Uint8Array.of(...header(label), ...ping);

/** The table of memberlist.md 6.3: own label, skip, header received, accepted. */
const TABLE: readonly (readonly [string, boolean, string | undefined, boolean])[] = [
  ["", false, undefined, true],
  ["", false, "blah", false],
  ["blah", false, "blah", true],
  ["blah", false, undefined, false],
  ["blah", false, "blax", false],
  ["blah", false, "bla", false],
  ["blah", false, "blahh", false],
  ["blah", true, undefined, true],
  ["", true, undefined, true],
  ["blah", true, "blah", false],
  ["blah", true, "other", false],
  ["", true, "other", false],
];

function readAll(label: string, bytes: Uint8Array, step: number, skip = false): StreamProgress {
  const config = wireConfig({ label, skipInboundLabelCheck: skip });
  const reader = createStreamCodec(config).requestReader();
  let progress: StreamProgress = { type: "more" };
  for (let at = 0; at < bytes.length; at += step) {
    progress = reader.push(bytes.slice(at, at + step));
  }
  return progress;
}

describe("labels of packets", () => {
  it("are announced by 244 and a length (Go: TestAddLabelHeaderToPacket)", () => {
    assert.deepEqual(header(""), new Uint8Array(0));
    assert.deepEqual(header("blah"), Uint8Array.of(244, 4, 98, 108, 97, 104));
    assert.equal(header("x".repeat(255)).length, 257);
    assert.throws(() => header("x".repeat(256)), RangeError);
    assert.throws(() => header("é".repeat(128)), RangeError);
    const sealed = createPacketCodec(wireConfig({ label: "blah" }), crc32).seal([ping], false);
    assert.deepEqual(Uint8Array.from(sealed), with_("blah"));
    const long = wireConfig({ label: "x".repeat(256) });
    assert.throws(() => createPacketCodec(long, crc32), RangeError);
    assert.throws(() => createStreamCodec(long), RangeError);
  });

  it("are taken off, and refused when cut or empty (Go: TestRemoveLabelHeaderFromPacket)", () => {
    const blah = wireConfig({ label: "blah" });
    assert.deepEqual(openAll(blah, with_("blah")).messages, [message]);
    for (const bad of [[244], [244, 0], [244, 0, 98], [244, 4], [244, 4, 98, 108, 97]]) {
      assert.deepEqual(openAll(blah, Uint8Array.from(bad)).dropped, ["label"]);
      assert.deepEqual(openAll(wireConfig({}), Uint8Array.from(bad)).dropped, ["label"]);
    }
    assert.deepEqual(openAll(blah, header("blah")).dropped, ["empty"]);
    const longest = "x".repeat(255);
    assert.deepEqual(openAll(wireConfig({ label: longest }), with_(longest)).messages, [message]);
  });

  it("cost 0, 3 and 9 bytes for lengths 0, 1 and 7 (Go: TestLabelOverhead)", () => {
    const overheads = ["", "a", "abcdefg"].map((label) => labelOverhead(labelBytes(label)));
    assert.deepEqual(overheads, [0, 3, 9]);
  });

  for (const [own, skip, received, accepted] of TABLE) {
    const said = `own "${own}"${skip ? " with skip" : ""}, received ${received ?? "none"}`;
    it(`are judged by the table: ${said} is ${accepted ? "accepted" : "dropped"}`, () => {
      const packet = received === undefined ? ping : with_(received);
      const config = wireConfig({ label: own, skipInboundLabelCheck: skip });
      const { messages, dropped } = openAll(config, packet);
      assert.equal(messages.length, accepted ? 1 : 0);
      assert.deepEqual(dropped, accepted ? [] : ["label"]);
    });
  }
});

describe("labels of streams", () => {
  it("are written by the dialler only (Go: TestAddLabelHeaderToStream)", () => {
    const codec = createStreamCodec(wireConfig({ label: "blah" }));
    assert.deepEqual(Uint8Array.from(codec.request(message)), with_("blah"));
    assert.deepEqual(Uint8Array.from(codec.reply(message)), ping);
  });

  it("are taken off and what follows is kept (Go: TestRemoveLabelHeaderFromStream)", () => {
    for (const step of [1, 2, 1000]) {
      assert.deepEqual(readAll("blah", with_("blah"), step), { type: "message", message });
      assert.equal(readAll("blah", header("blah"), step).type, "more");
      assert.equal(readAll("blah", header("blah").slice(0, 3), step).type, "more");
      assert.equal(readAll("blah", Uint8Array.of(244, 0), step).type, "failed");
    }
  });

  it("make a reply reader close when they come back", () => {
    const reader = createStreamCodec(wireConfig({ label: "blah" })).replyReader();
    const progress = reader.push(with_("blah"));
    assert.equal(progress.type === "failed" && progress.reason, "unknown-type");
  });

  for (const [own, skip, received, accepted] of TABLE) {
    const said = `own "${own}"${skip ? " with skip" : ""}, received ${received ?? "none"}`;
    it(`are judged by the table: ${said} is ${accepted ? "accepted" : "closed silently"}`, () => {
      const bytes = received === undefined ? ping : with_(received);
      const progress = readAll(own, bytes, 1, skip);
      if (accepted) return assert.deepEqual(progress, { type: "message", message });
      assert.ok(progress.type === "failed");
      assert.equal(progress.reason, "label");
      assert.equal(progress.reply, false);
    });
  }
});
