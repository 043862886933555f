import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeMessage } from "../../../src/core/wire/decode.ts";
import { encodeMessage, encodeStreamMessage } from "../../../src/core/wire/encode.ts";
import type { PacketMessage } from "../../../src/core/wire/messages.ts";
import { fromHex } from "../../interop/go_fields.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

const SAMPLES: readonly PacketMessage[] = [
  { type: "ping", seqNo: 100, node: "n" },
  {
    type: "ping",
    seqNo: 4294967295,
    node: "café-東京-🦊",
    sourceAddr: bytes(10, 0, 0, 1),
    sourcePort: 7946,
    sourceNode: "me",
  },
  { type: "indirectPing", seqNo: 1, target: bytes(1, 2, 3, 4), port: 1, node: "", nack: true },
  {
    type: "indirectPing",
    seqNo: 300,
    target: new Uint8Array(16).fill(9),
    port: 65535,
    node: "x".repeat(300),
    nack: false,
    sourceAddr: bytes(127, 0, 0, 1),
    sourcePort: 1,
    sourceNode: "",
  },
  { type: "ack", seqNo: 7, payload: null },
  { type: "ack", seqNo: 7, payload: new Uint8Array(0) },
  { type: "ack", seqNo: 7, payload: new Uint8Array(5000).fill(3) },
  { type: "nack", seqNo: 128 },
  { type: "suspect", incarnation: 65536, node: "a", from: "b" },
  { type: "dead", incarnation: 0, node: "a", from: "a" },
  {
    type: "alive",
    incarnation: 255,
    node: "a",
    addr: bytes(1, 2, 3, 4),
    port: 256,
    meta: bytes(0),
    vsn: bytes(1, 5, 2, 0, 0, 0),
  },
  { type: "alive", incarnation: 1, node: "", addr: bytes(), port: 0, meta: null, vsn: null },
  { type: "user", payload: new Uint8Array(70_000).fill(8) },
  { type: "user", payload: new Uint8Array(0) },
];

describe("messages of packets", () => {
  it("survive encoding and decoding (Go: TestEncodeDecode)", () => {
    for (const message of SAMPLES) assert.deepEqual(decodeMessage(encodeMessage(message)), message);
  });

  it("encode each into memory of its own, however many follow", () => {
    const encoded = SAMPLES.map(encodeMessage);
    for (let i = 0; i < 500; i++) encodeMessage(SAMPLES[i % SAMPLES.length] as PacketMessage);
    assert.deepEqual(encoded.map(decodeMessage), SAMPLES);
  });

  it("are dropped when there is nothing, without a crash (Go: TestHandleCommand)", () => {
    assert.equal(decodeMessage(bytes()), "empty");
    assert.equal(decodeMessage(bytes(4)), "malformed");
  });

  it("are dropped for every type that carries no message in a packet", () => {
    for (let type = 0; type < 256; type++) {
      const known = [0, 1, 2, 3, 4, 5, 8, 11].includes(type);
      assert.equal(decodeMessage(bytes(type, 0x81)) === "unknown-type", !known, `type ${type}`);
    }
  });

  it("own their bytes: the packet may be reused", () => {
    for (const message of SAMPLES) {
      const packet = encodeMessage(message).slice();
      const decoded = decodeMessage(packet);
      packet.fill(0xee);
      assert.deepEqual(decoded, message);
    }
  });

  it("own their bytes also when the packet is one of Node's buffers", () => {
    const packet = Buffer.from(encodeMessage({ type: "user", payload: bytes(1, 2, 3) }));
    const decoded = decodeMessage(packet);
    packet.fill(0);
    assert.deepEqual(decoded, { type: "user", payload: bytes(1, 2, 3) });
  });

  it("are refused with names that are not UTF-8", () => {
    for (const name of ["a1ff", "a2c080", "a3eda080", "a4f4908080", "a2c3", "a1a4"]) {
      assert.equal(decodeMessage(fromHex(`0081a44e6f6465${name}`)), "malformed", name);
    }
  });

  it("have no source when it is said to be empty, in whatever form", () => {
    const silent = { type: "ping", seqNo: 0, node: "" };
    for (const empty of ["c0", "a0", "c400", "90", "dd00000000", "80"]) {
      const ping = fromHex(`0081aa536f7572636541646472${empty}`);
      assert.deepEqual(decodeMessage(ping), silent, empty);
      const asked = decodeMessage(fromHex(`0181aa536f7572636541646472${empty}`));
      assert.equal(typeof asked === "object" && "sourceAddr" in asked, false, empty);
    }
  });

  it("cannot be encoded with half a surrogate pair, and the next one is well", () => {
    for (const node of ["\ud800", "a\udc00b", "\ud800\ud800"]) {
      assert.throws(() => encodeMessage({ type: "ping", seqNo: 1, node }), TypeError);
    }
    const next: PacketMessage = { type: "nack", seqNo: 1 };
    assert.deepEqual(decodeMessage(encodeMessage(next)), next);
  });

  it("are refused with integers beyond 2^53", () => {
    assert.equal(decodeMessage(fromHex("0b81a55365714e6fcfffffffffffffffff")), "malformed");
    assert.equal(decodeMessage(fromHex("0b81a55365714e6fd38000000000000000")), "malformed");
    assert.equal(decodeMessage(fromHex("0b81a55365714e6fcf0000000100000000")), "malformed");
  });

  it("are refused wherever they are cut, with nothing thrown", () => {
    for (const message of SAMPLES) {
      if (message.type === "user") continue;
      const whole = encodeMessage(message);
      for (let end = 0; end < Math.min(whole.length, 400); end++) {
        assert.equal(typeof decodeMessage(whole.slice(0, end)), "string", `${message.type} ${end}`);
      }
    }
  });

  it("take little time for a map that lies about its size", () => {
    assert.equal(decodeMessage(fromHex("00dfffffffff")), "malformed");
    assert.equal(decodeMessage(fromHex("00ddffffffffc0")), "malformed");
    assert.equal(decodeMessage(fromHex("0481a356736eddffffffff")), "malformed");
    assert.equal(decodeMessage(fromHex("0481a356736edfffffffff")), "malformed");
    assert.equal(decodeMessage(fromHex("0481a44e6f6465dbffffffff61")), "malformed");
    assert.equal(decodeMessage(fromHex("0481a15adfffffffff00")), "malformed");
  });
});

describe("messages of streams", () => {
  it("write Go's int fields signed, as go-msgpack v2 has it", () => {
    const payload = new Uint8Array(200);
    const encoded = encodeStreamMessage({ type: "user", payload });
    assert.deepEqual(encoded.slice(0, 16), fromHex("0881aa557365724d73674c656ed100c8"));
  });
});
