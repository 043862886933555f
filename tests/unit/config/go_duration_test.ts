import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseGoDuration } from "../../../mod.ts";

describe("parseGoDuration", () => {
  for (
    const [text, millis] of [
      ["0", 0],
      ["0s", 0],
      ["500ms", 500],
      ["10s", 10_000],
      ["1m30s", 90_000],
      ["1.5h", 5_400_000],
      [".5s", 500],
      ["1.s", 1000],
      ["+2s", 2000],
      ["-1m", -60_000],
      ["1h2m3s4ms5us6ns", 3_723_004.005006],
      ["1\u00b5s", 0.001],
      ["1\u03bcs", 0.001],
      ["1ns", 0.000001],
      ["0.1s", 100],
      ["0.3333333333333333333h", 1_199_999.999999],
      ["9223372036854775807ns", 9223372036854.775807],
    ] as const
  ) {
    it(`reads ${text}`, () => assert.equal(parseGoDuration(text), millis));
  }

  for (
    const text of [
      "",
      "1",
      "-",
      "+",
      "s",
      ".s",
      "1d",
      "1w",
      "1 s",
      " 1s",
      "1s ",
      "1S",
      "1e3s",
      "--1s",
      "1s-1s",
      "1..5s",
      "NaN",
      "\u0661s",
      "9223372036854775808ns",
      "2562048h",
      `${"9".repeat(64)}s`,
      "0".repeat(65),
    ]
  ) {
    it(`refuses ${JSON.stringify(text.slice(0, 24))}`, () => {
      assert.equal(parseGoDuration(text), undefined);
    });
  }
});
