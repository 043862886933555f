import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { isNonce, proveLink, sameSecret } from "../../../adapters/connect/link_proof.ts";

describe("proveLink", () => {
  const transcript = {
    diallerNonce: new Uint8Array(32).fill(1),
    acceptorNonce: new Uint8Array(40).fill(2),
    audience: "10.0.0.4:10102",
  };
  const key = new Uint8Array(32).fill(7);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

  // Computed by other means from docs/protocol.md, which states the same answers.
  it("gives the known answers of the protocol document", () => {
    assert.equal(
      hex(proveLink(key, { role: "dialler", ...transcript })),
      "26519ddba233880f26f1098b42e2b2634c92e188755b49a6b223a74968129a09",
    );
    assert.equal(
      hex(proveLink(key, { role: "acceptor", ...transcript })),
      "9dfbcf43a59072bb545fca4632f0870d54b00cf8f1017db4f01c81748911ad25",
    );
  });

  it("does not confuse where one field ends and the next begins", () => {
    const moved = {
      ...transcript,
      diallerNonce: new Uint8Array(31).fill(1),
      acceptorNonce: Uint8Array.from([1, ...transcript.acceptorNonce]),
    };
    assert.notEqual(
      hex(proveLink(key, { role: "dialler", ...moved })),
      hex(proveLink(key, { role: "dialler", ...transcript })),
    );
  });
});

describe("sameSecret", () => {
  it("compares text and bytes of any length", () => {
    assert.equal(sameSecret("abc", "abc"), true);
    assert.equal(sameSecret("abc", "abd"), false);
    assert.equal(sameSecret("abc", "ab"), false);
    assert.equal(sameSecret("", "a"), false);
    assert.equal(sameSecret(new Uint8Array([1]), new Uint8Array([1])), true);
  });
});

describe("isNonce", () => {
  it("holds for 16 to 64 bytes", () => {
    assert.deepEqual(
      [0, 15, 16, 64, 65].map((length) => isNonce(new Uint8Array(length))),
      [false, false, true, true, false],
    );
  });
});
