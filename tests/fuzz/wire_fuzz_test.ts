import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { decodeMessage } from "../../src/core/wire/decode.ts";
import { failuresIn } from "../../tools/fuzz.ts";
import { FAILURES_MAX, fuzzWire } from "./wire_fuzz.ts";
import { wireConfig } from "../interop/wire_under_test.ts";
import { type FuzzDecoder, stream } from "./wire_fuzz_decoders.ts";
import { packetBody } from "./wire_fuzz_inputs.ts";

const seed = Number(process.env["ALTHING_FUZZ_SEED"] ?? Date.now() % 4294967296);
const inputs = Number(process.env["ALTHING_FUZZ_INPUTS"] ?? 20_000);

/** A decoder like ours, but for what `decode` does first. */
function planted(decode: (input: Uint8Array) => void): FuzzDecoder {
  return {
    name: "planted",
    input: (rng, corpus) => packetBody(rng, corpus, 4),
    decode(input) {
      decode(input);
      return typeof decodeMessage(input) !== "string";
    },
    allocationMax: (inputBytes) => Math.max(2048, 4 * inputBytes),
  };
}

function problemsOf(decode: (input: Uint8Array) => void, hangMs = 5000): string[] {
  const report = fuzzWire({ seed: 1, inputs: 2000, decoders: [planted(decode)], hangMs });
  return report.failures.map((failure) => failure.problem);
}

describe("the wire under fuzz", () => {
  it(`stands ${inputs} inputs from seed ${seed}`, () => {
    console.log(`wire fuzz: ALTHING_FUZZ_SEED=${seed} ALTHING_FUZZ_INPUTS=${inputs}`);
    const report = fuzzWire({ seed, inputs });
    assert.deepEqual(report.failures, []);
    assert.equal(report.inputs, inputs);
    for (const [name, counts] of Object.entries(report.decoders)) {
      // Inputs that are all refused, or all accepted, would prove little.
      assert.ok(counts.accepted > counts.inputs / 100, `${name} accepted ${counts.accepted}`);
      assert.ok(counts.accepted < counts.inputs, `${name} refused none`);
    }
  });

  it("replays from its seed", () => {
    assert.deepEqual(fuzzWire({ seed: 5, inputs: 400 }), fuzzWire({ seed: 5, inputs: 400 }));
    const told: number[] = [];
    fuzzWire({
      seed: 5,
      inputs: 20_000,
      decoders: [planted(() => {})],
      onProgress: (n) => told.push(n),
    });
    assert.deepEqual(told, [10_000, 20_000]);
  });
});

describe("the fuzzer", () => {
  it("finds nothing in a decoder that is well", () => {
    assert.deepEqual(problemsOf(() => {}), []);
  });

  it("catches a decoder that throws on rare input", () => {
    const problems = problemsOf((input) => {
      if (input[0] === 4 && input[1] === 0x86) throw new RangeError("offset is out of bounds");
    });
    assert.equal(problems.length, FAILURES_MAX);
    assert.match(problems[0] ?? "", /threw RangeError: offset is out of bounds/);
  });

  it("fails the command when it catches one", () => {
    const broken = (): void => {
      throw new RangeError("offset is out of bounds");
    };
    assert.deepEqual(failuresIn({ failures: ["a decoder threw"] }), ["a decoder threw"]);
    assert.deepEqual([failuresIn({ failures: [] }), failuresIn(undefined), failuresIn(7)], [
      [],
      [],
      [],
    ]);
    const report = fuzzWire({ seed: 1, inputs: 200, decoders: [planted(broken)] });
    assert.ok(failuresIn(report).length > 0);
  });

  it("catches a decoder that believes an announced length", () => {
    const problems = problemsOf((input) => {
      const at = input.indexOf(0xdb);
      if (at < 0 || at + 4 >= input.length) return;
      const announced = new DataView(input.buffer, input.byteOffset).getUint32(at + 1);
      new Uint8Array(Math.min(announced, 1 << 24));
    });
    assert.match(problems[0] ?? "", /asked for \d+ bytes/);
  });

  it("catches a decoder that takes too long", () => {
    const problems = problemsOf((input) => {
      if (input.length !== 22) return;
      for (const until = performance.now() + 30; performance.now() < until;);
    }, 20);
    assert.match(problems[0] ?? "", /took \d+ ms/);
  });

  it("catches a stream reader that depends on the cuts", () => {
    const forgetful = stream("planted", wireConfig({}), "request", (reader) => ({
      push: (bytes) => reader.push(bytes.length === 3 ? bytes.subarray(1) : bytes),
    }));
    const report = fuzzWire({ seed: 1, inputs: 500, decoders: [forgetful] });
    assert.match(report.failures[0]?.problem ?? "", /depends on the cuts/);
  });
});
