import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { GoawayFilter } from "../../../adapters/_http2/goaway_filter.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const GOAWAY = 7;

function frame(type: number, payload: number[] | Buffer): Buffer {
  const head = Buffer.from([0, 0, 0, type, 0, 0, 0, 0, 1]);
  head.writeUIntBE(payload.length, 0, 3);
  return Buffer.concat([head, Buffer.from(payload)]);
}

/** Feeds `bytes` in pieces of `size`. */
function filtered(bytes: Buffer, size: number, preface: boolean): { out: Buffer; seen: number } {
  const filter = new GoawayFilter({ preface });
  let seen = 0;
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    out.push(...filter.filter(bytes.subarray(at, at + size), () => seen++));
  }
  return { out: Buffer.concat(out), seen };
}

describe("GoawayFilter", () => {
  const data = frame(0, Buffer.alloc(300, 7));
  const settings = frame(4, []);
  const goaway = frame(GOAWAY, [0, 0, 0, 0, 0, 0, 0, 0, 7, 7]);
  const sizes = [1, 2, 8, 9, 10, 11, 24, 100, 1000];

  for (const size of sizes) {
    it(`drops GOAWAY frames and nothing else, in pieces of ${size} bytes`, () => {
      const input = Buffer.concat([settings, goaway, data, goaway, goaway, frame(7, []), settings]);
      const { out, seen } = filtered(input, size, false);
      assert.deepEqual(out, Buffer.concat([settings, data, settings]));
      assert.equal(seen, 4);
    });

    it(`lets the preface pass, in pieces of ${size} bytes`, () => {
      const input = Buffer.concat([PREFACE, goaway, data]);
      const { out, seen } = filtered(input, size, true);
      assert.deepEqual(out, Buffer.concat([PREFACE, data]));
      assert.equal(seen, 1);
    });
  }

  it("hands on a chunk without GOAWAY as it is", () => {
    const chunk = Buffer.concat([settings, data, data]);
    const [only, ...rest] = new GoawayFilter({ preface: false }).filter(chunk, () => {});
    assert.equal(only?.buffer, chunk.buffer);
    assert.deepEqual(rest, []);
  });

  it("survives lengths that lie", () => {
    const { out } = filtered(Buffer.alloc(5000, 0xff), 17, false);
    assert.equal(out.length, 5000);
  });
});
