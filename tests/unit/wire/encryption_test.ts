import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "../../../src/core/wire/crc32.ts";
import { encodeMessage } from "../../../src/core/wire/encode.ts";
import {
  encryptionOverhead,
  openPayload,
  pad,
  sealedBytes,
  sealPayload,
  unpad,
} from "../../../src/core/wire/encryption.ts";
import { createPacketCodec } from "../../../src/core/wire/packet_codec.ts";
import { createStreamCodec } from "../../../src/core/wire/stream_codec.ts";
import { aesGcm } from "../../interop/aes_gcm.ts";
import { openAll, wireConfig } from "../../interop/wire_under_test.ts";

const NOTHING = new Uint8Array(0);
/** No msgpack begins with it: to a node without the key, one packet in some hundred random ones looks like a message. */
const nonce = () => new Uint8Array(12).fill(0xc1);
const cipher = aesGcm(new Uint8Array(16).fill(1), nonce);
const other = aesGcm(new Uint8Array(32).fill(2), nonce);
const ping = encodeMessage({ type: "ping", seqNo: 100, node: "n" });
const text = new TextEncoder().encode("this is a plain text message");
const aad = new TextEncoder().encode("random data");

describe("the encryption payload", () => {
  it("pads by PKCS#7 and takes it off (Go: TestPKCS7)", () => {
    for (let length = 0; length <= 255; length++) {
      const plain = Uint8Array.from({ length }, (_, i) => i);
      const padded = pad(plain);
      assert.equal(padded.length, (Math.floor(length / 16) + 1) * 16);
      assert.equal(padded[padded.length - 1], 16 - length % 16);
      assert.deepEqual(Uint8Array.from(unpad(padded) ?? [99]), plain);
    }
  });

  it("refuses padding that cannot be (Go crashes)", () => {
    assert.equal(unpad(NOTHING), undefined);
    assert.equal(unpad(new Uint8Array(16)), undefined);
    assert.equal(unpad(new Uint8Array(16).fill(17)), undefined);
    assert.equal(unpad(new Uint8Array(16).fill(255)), undefined);
    assert.equal(unpad(new Uint8Array(15).fill(1)), undefined);
    assert.equal(unpad(Uint8Array.of(...new Uint8Array(14), 3, 2)), undefined);
    // Sealed with a valid key, as only an insider can.
    const sealed = Uint8Array.of(0, ...cipher.seal(new Uint8Array(16).fill(200), aad));
    assert.equal(openPayload([cipher], sealed, aad), undefined);
  });

  for (const version of [0, 1] as const) {
    it(`has the length of its formula and opens again (Go: TestEncryptDecrypt_V${version})`, () => {
      const sealed = sealPayload(cipher, version, text, aad, NOTHING);
      assert.equal(sealed.length, version === 0 ? 29 + 32 : 29 + 28);
      assert.equal(sealed.length, sealedBytes(text.length, version));
      assert.equal(sealed[0], version);
      assert.deepEqual(Uint8Array.from(openPayload([other, cipher], sealed, aad) ?? []), text);
      assert.equal(openPayload([other], sealed, aad), undefined);
      assert.equal(openPayload([cipher], sealed, NOTHING), undefined);
      assert.equal(openPayload([], sealed, aad), undefined);
      assert.equal(openPayload([cipher], Uint8Array.of(2, ...sealed.slice(1)), aad), undefined);
      for (let end = 0; end < sealed.length; end++) {
        assert.equal(openPayload([cipher], sealed.slice(0, end), aad), undefined);
      }
    });
  }

  it("needs 45 bytes padded and 29 not", () => {
    assert.deepEqual([encryptionOverhead(0), encryptionOverhead(1)], [45, 29]);
    assert.equal(sealPayload(cipher, 0, NOTHING, aad, NOTHING).length, 45);
    assert.equal(sealPayload(cipher, 1, NOTHING, aad, NOTHING).length, 29);
  });

  it("survives a stream, label and length authenticated (Go: TestEncryptDecryptState)", () => {
    const message = { type: "user", payload: text } as const;
    for (const protocolVersion of [1, 2]) {
      const config = wireConfig({ ciphers: [cipher], label: "blah", protocolVersion });
      const codec = createStreamCodec(config);
      const bytes = codec.request(message);
      const again = codec.requestReader().push(bytes);
      assert.deepEqual(again, { type: "message", message });
      const relabelled = createStreamCodec({ ...config, label: "" });
      const failed = relabelled.requestReader().push(bytes.slice(6));
      assert.equal(failed.type === "failed" && failed.reason, "decrypt");
    }
  });
});

describe("the verify flags", () => {
  const sealWith = (verifyOutgoing: boolean, ciphers = [cipher]) =>
    createPacketCodec(wireConfig({ ciphers, verifyOutgoing }), crc32).seal([ping], false);
  const received = (packet: Uint8Array, verifyIncoming: boolean) =>
    openAll(wireConfig({ ciphers: [cipher], verifyIncoming }), packet);

  it("decide what is sent and taken (Go: TestMemberlist_EncryptedGossipTransition)", () => {
    const plain = sealWith(true, []);
    // Step by step: no key; key but flags off; sending encrypted; requiring it.
    assert.deepEqual(Uint8Array.from(sealWith(false)), Uint8Array.from(plain));
    const sealed = sealWith(true);
    assert.equal(sealed.length, ping.length + 29);
    assert.equal(received(plain, false).messages.length, 1);
    assert.equal(received(sealed, false).messages.length, 1);
    assert.equal(received(sealed, true).messages.length, 1);
    assert.deepEqual(received(plain, true).dropped, ["decrypt"]);
    assert.equal(openAll(wireConfig({}), sealed).messages.length, 0);
  });

  it("tell plaintext from a foreign key where one can", () => {
    const alive = encodeMessage({ type: "suspect", incarnation: 1, node: "a", from: "b" });
    assert.deepEqual(received(alive, true).dropped, ["plaintext"]);
    const foreign = sealWith(true, [other]);
    assert.deepEqual(received(foreign, true).dropped, ["decrypt"]);
  });

  it("refuse a stream under another key, and say so (Go: TestGossip_MismatchedKeys)", () => {
    const request = createStreamCodec(wireConfig({ ciphers: [other] })).request({
      type: "pushPull",
      join: true,
      nodes: [],
      userState: NOTHING,
    });
    const reader = createStreamCodec(wireConfig({ ciphers: [cipher] })).requestReader();
    const progress = reader.push(request);
    assert.ok(progress.type === "failed");
    assert.equal(progress.reason, "decrypt");
    assert.match(progress.detail, /no installed key/);
    assert.equal(progress.reply, true);
  });

  it("count in the overhead", () => {
    const overhead = (options: Parameters<typeof wireConfig>[0]) =>
      createPacketCodec(wireConfig(options), crc32).overhead();
    const ciphers = [cipher];
    assert.equal(overhead({}), 5);
    assert.equal(overhead({ label: "blah" }), 5 + 6);
    assert.equal(overhead({ ciphers }), 5 + 29);
    assert.equal(overhead({ ciphers, protocolVersion: 1 }), 5 + 45);
    assert.equal(overhead({ ciphers, verifyOutgoing: false }), 5);
  });

  it("let no layer add more than the overhead says", () => {
    for (const protocolVersion of [1, 2]) {
      for (const ciphers of [[], [cipher]]) {
        const config = wireConfig({ ciphers, label: "blah", protocolVersion, compression: true });
        const codec = createPacketCodec(config, crc32);
        for (let length = 1; length < 100; length++) {
          const message = Uint8Array.from({ length }, (_, i) => i === 0 ? 8 : i);
          assert.ok(codec.seal([message], true).length <= length + codec.overhead());
        }
      }
    }
  });
});
