import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compressAlways } from "../../../src/core/wire/compress.ts";
import type { StreamProgress, StreamReader } from "../../../src/core/wire/contract.ts";
import {
  encodePushPullHeader,
  encodeStreamMessage,
  encodeUserHeader,
} from "../../../src/core/wire/encode.ts";
import type { PushPull, PushPullNode, StreamMessage } from "../../../src/core/wire/messages.ts";
import { createStreamCodec } from "../../../src/core/wire/stream_codec.ts";
import { aesGcm } from "../../interop/aes_gcm.ts";
import { fromHex } from "../../interop/go_fields.ts";
import { wireConfig } from "../../interop/wire_under_test.ts";

const cipher = aesGcm(new Uint8Array(16).fill(1));

function node(i: number): PushPullNode {
  return {
    name: `node-${i}`,
    addr: Uint8Array.of(10, 0, i >> 8, i & 255),
    port: 7946,
    meta: i % 3 === 0 ? null : new Uint8Array(i % 600).fill(i),
    incarnation: i,
    state: i % 4,
    vsn: Uint8Array.of(1, 5, 2, 0, 0, 0),
  };
}

function state(nodes: number): PushPull {
  return {
    type: "pushPull",
    join: nodes % 2 === 0,
    nodes: Array.from({ length: nodes }, (_, i) => node(i)),
    userState: new Uint8Array(nodes).fill(7),
  };
}

function feed(reader: StreamReader, bytes: Uint8Array, step: number): StreamProgress {
  let progress: StreamProgress = { type: "more" };
  for (let at = 0; at < bytes.length && progress.type === "more"; at += step) {
    progress = reader.push(bytes.slice(at, at + step));
  }
  return progress;
}

const plain = createStreamCodec(wireConfig({}));

function failure(bytes: Uint8Array, reader = plain.requestReader()) {
  const progress = feed(reader, bytes, bytes.length);
  assert.ok(progress.type === "failed", `got ${progress.type}`);
  return [progress.reason, progress.reply];
}

describe("streams", () => {
  it("bring a state whole through every layer, however it is cut (Go: TestTCPPushPull)", () => {
    for (const compression of [false, true]) {
      for (const ciphers of [[], [cipher]]) {
        const codec = createStreamCodec(wireConfig({ compression, ciphers, label: "blah" }));
        for (const nodes of [0, 1, 5, 300]) {
          const message = state(nodes);
          const request = codec.request(message);
          const reply = codec.reply(message);
          for (const step of [1, 7, 1460, request.length]) {
            assert.deepEqual(feed(codec.requestReader(), request, step), {
              type: "message",
              message,
            });
            assert.deepEqual(feed(codec.replyReader(), reply, step), { type: "message", message });
          }
        }
      }
    }
  });

  it("bring pings and acks, and nothing else, the right way (Go: TestTCPPing)", () => {
    const ping = { type: "ping", seqNo: 23, node: "n" } as const;
    const ack = { type: "ack", seqNo: 23, payload: null } as const;
    const reader = plain.requestReader();
    assert.deepEqual(feed(reader, plain.request(ping), 1), { type: "message", message: ping });
    assert.deepEqual(feed(plain.replyReader(), plain.reply(ack), 1), {
      type: "message",
      message: ack,
    });
    assert.deepEqual(failure(plain.reply(ping), plain.replyReader()), ["unknown-type", false]);
    assert.deepEqual(failure(plain.request(ack)), ["unknown-type", false]);
    for (const type of [1, 3, 4, 5, 7, 8, 11, 12, 14, 200, 255]) {
      const bytes = Uint8Array.of(type, 0x80);
      assert.deepEqual(
        failure(bytes, plain.replyReader()),
        ["unknown-type", false],
        `type ${type}`,
      );
    }
  });

  it("carry the acceptor's reason back to the dialler", () => {
    const err: StreamMessage = { type: "err", error: "encryption is configured" };
    const read = feed(plain.replyReader(), plain.reply(err), 3);
    assert.deepEqual(read, { type: "message", message: err });
  });

  it("refuse hostile counts before reading on (Go: TestReadRemoteState_Limits)", () => {
    assert.deepEqual(failure(encodePushPullHeader(false, 10_000_000, 0)), ["too-large", false]);
    assert.deepEqual(failure(encodePushPullHeader(false, 1_048_577, 0)), ["too-large", false]);
    assert.deepEqual(failure(encodePushPullHeader(false, 1, 30 << 20)), ["too-large", false]);
    assert.deepEqual(failure(fromHex("0681a54e6f646573ff")), ["malformed", false]);
    assert.deepEqual(failure(fromHex("0681ac5573657253746174654c656ed0ff")), ["malformed", false]);
    assert.equal(
      plain.requestReader().push(encodePushPullHeader(true, 1_048_576, 20 << 20)).type,
      "more",
    );
  });

  it("may be told a smaller count", () => {
    const codec = createStreamCodec({ ...wireConfig({}), pushPullNodesMax: 10 });
    assert.equal(codec.requestReader().push(plain.request(state(10))).type, "message");
    assert.deepEqual(failure(plain.request(state(11)), codec.requestReader()), [
      "too-large",
      false,
    ]);
  });

  it("refuse a user message above 20 MiB (Go: TestReadUserMsg_Limit)", () => {
    assert.deepEqual(failure(encodeUserHeader(30 << 20)), ["too-large", false]);
    assert.deepEqual(failure(encodeUserHeader((20 << 20) + 1)), ["too-large", false]);
    assert.equal(plain.requestReader().push(encodeUserHeader(20 << 20)).type, "more");
    assert.deepEqual(failure(fromHex("0881aa557365724d73674c656ef0")), ["malformed", false]);
  });

  it("deliver an empty user message, which is the caller's to ignore", () => {
    const message: StreamMessage = { type: "user", payload: new Uint8Array(0) };
    assert.deepEqual(plain.requestReader().push(encodeUserHeader(0)), { type: "message", message });
  });

  it("refuse an encrypted length above 20 MiB before its body", () => {
    const codec = createStreamCodec(wireConfig({ ciphers: [cipher] }));
    const reader = codec.requestReader();
    assert.deepEqual(failure(fromHex("0a01400001"), reader), ["too-large", true]);
    assert.equal(codec.requestReader().push(fromHex("0a01400000")).type, "more");
    assert.deepEqual(failure(fromHex("0a00000000"), codec.requestReader()), ["decrypt", true]);
  });

  it("refuse a compressed body above 20 MiB before it comes", () => {
    const head = fromHex("0982a4416c676f00a3427566db");
    assert.equal(
      plain.requestReader().push(Uint8Array.of(...head, 1, 0x3f, 0xff, 0xff)).type,
      "more",
    );
    assert.deepEqual(failure(Uint8Array.of(...head, 1, 0x41, 0, 0)), ["too-large", true]);
  });

  it("refuse what expands beyond 40 MiB, and answer", () => {
    const bomb = compressAlways(new Uint8Array((40 << 20) + 1));
    assert.ok(bomb.length < 1 << 16);
    assert.deepEqual(failure(bomb), ["too-large", true]);
  });

  it("refuse a struct above 1 MiB while it grows", () => {
    const head = fromHex("0081a44e6f6465db00200000");
    assert.deepEqual(failure(head), ["too-large", false]);
  });

  it("refuse emptiness under a layer (Go crashes on one)", () => {
    assert.deepEqual(failure(compressAlways(new Uint8Array(0))), ["empty", true]);
    const codec = createStreamCodec(wireConfig({ ciphers: [cipher] }));
    const prefix = fromHex("0a0000001d");
    const sealed = Uint8Array.of(...prefix, 1, ...cipher.seal(new Uint8Array(0), prefix));
    assert.deepEqual(failure(sealed, codec.requestReader()), ["empty", true]);
  });

  it("unwrap one compress message, not two", () => {
    const ping = encodeStreamMessage({ type: "ping", seqNo: 1, node: "n" });
    assert.equal(plain.requestReader().push(compressAlways(ping)).type, "message");
    assert.deepEqual(failure(compressAlways(compressAlways(ping))), ["unknown-type", false]);
  });

  it("know at once that a message inside a layer is cut off", () => {
    const whole = encodeStreamMessage(state(3));
    const cut = compressAlways(whole.subarray(0, whole.length - 1));
    assert.deepEqual(failure(cut), ["malformed", false]);
    const broken = compressAlways(whole).slice();
    broken[1] = 0xc1;
    assert.deepEqual(failure(broken), ["malformed", true]);
  });

  it("ask for an error reply only of the accepting side", () => {
    const keyed = createStreamCodec(wireConfig({ ciphers: [cipher] }));
    const ping = encodeStreamMessage({ type: "ping", seqNo: 1, node: "n" });
    assert.deepEqual(failure(ping, keyed.requestReader()), ["plaintext", true]);
    assert.deepEqual(failure(ping, keyed.replyReader()), ["plaintext", false]);
    assert.deepEqual(failure(Uint8Array.of(10), plain.requestReader()), ["decrypt", true]);
    assert.deepEqual(failure(Uint8Array.of(10), plain.replyReader()), ["decrypt", false]);
  });

  it("repeat their last answer and ignore what comes after", () => {
    const reader = plain.requestReader();
    const message: StreamMessage = { type: "ping", seqNo: 1, node: "n" };
    const bytes = plain.request(message);
    const answer = { type: "message", message };
    assert.deepEqual(reader.push(Uint8Array.of(...bytes, 1, 2, 3)), answer);
    assert.deepEqual(reader.push(bytes), answer);
    const failed = plain.requestReader();
    const first = failed.push(Uint8Array.of(99));
    assert.deepEqual(failed.push(bytes), first);
  });

  it("read a large state in linear time, even by small pieces", () => {
    const message = state(5000);
    const bytes = plain.request(message);
    assert.ok(bytes.length > 1_000_000);
    assert.deepEqual(feed(plain.requestReader(), bytes, 100), { type: "message", message });
    // One struct of 900,000 tiny values: to parse it again at each piece would take hours.
    const values = fromHex("0081a15add000dbba0");
    const struct = new Uint8Array(values.length + 900_000).fill(0xc0);
    struct.set(values);
    const ping = { type: "ping", seqNo: 0, node: "" };
    assert.deepEqual(feed(plain.requestReader(), struct, 10), { type: "message", message: ping });
  });

  it("leave pushed bytes alone and keep no view on them", () => {
    const reader = plain.requestReader();
    const message = state(2);
    const bytes = plain.request(message).slice();
    const half = bytes.length >> 1;
    const first = bytes.slice(0, half);
    reader.push(first);
    first.fill(0);
    const second = bytes.slice(half);
    const progress = reader.push(second);
    second.fill(0);
    assert.deepEqual(progress, { type: "message", message });
  });
});
