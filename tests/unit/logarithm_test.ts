import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ceilLog10, ceilLog2, ln, log10 } from "../../src/core/logarithm.ts";

/** Relative distance; both zero counts as equal. */
function off(actual: number, expected: number): number {
  return actual === expected ? 0 : Math.abs(actual - expected) / Math.abs(expected);
}

describe("the logarithm of the core", () => {
  it("agrees with reference constants", () => {
    for (
      const [x, expected] of [
        [2, 0.69314718055994530942],
        [3, 1.09861228866810969140],
        [5, 1.60943791243410037460],
        [7, 1.94591014905531330511],
        [10, 2.30258509299404568402],
        [100, 4.60517018598809136804],
        [1000, 6.90775527898213705205],
        [65536, 11.0903548889591249507],
        [1e9, 20.7232658369464111562],
        [1.5, 0.40546510810816438198],
        [1.0000001, 9.9999995000000333e-8],
        [0.1, -2.30258509299404568402],
      ] as const
    ) {
      assert.ok(off(ln(x), expected) < 1e-9, `ln ${x} = ${ln(x)}`);
      if (x >= 2) assert.ok(off(ln(x), expected) < 1e-14, `ln ${x} = ${ln(x)}`);
    }
    assert.equal(ln(1), 0);
  });

  it("stays within 1e-12 of the engine over 1..1e9", () => {
    for (let x = 1.001; x < 1e9; x = x * 1.0137 + 0.0001) {
      assert.ok(off(ln(x), Math.log(x)) < 1e-12, `ln ${x}`);
      assert.ok(off(log10(x), Math.log10(x)) < 1e-12, `log10 ${x}`);
    }
    for (let n = 2; n < 5000; n++) {
      assert.ok(off(ln(n), Math.log(n)) < 1e-14, `ln ${n}`);
    }
  });

  it("covers the whole range of doubles", () => {
    for (const x of [5e-324, 1e-300, 1e-5, 1e300, Number.MAX_VALUE]) {
      assert.ok(off(ln(x), Math.log(x)) < 1e-12, `ln ${x}`);
    }
  });

  it("grows with its argument", () => {
    let last = -1;
    for (let n = 1; n < 20_000; n++) {
      const value = ln(n);
      assert.ok(value > last, `ln ${n}`);
      last = value;
    }
  });

  it("gives the same bits on every runtime", () => {
    const bits = new DataView(new ArrayBuffer(8));
    let digest = 0;
    for (let n = 1; n <= 1000; n++) {
      bits.setFloat64(0, ln(n) + log10(n / 7));
      digest = (Math.imul(digest, 31) + bits.getInt32(0) + bits.getInt32(4)) | 0;
    }
    assert.equal(digest, DIGEST);
  });

  it("knows the powers of ten exactly", () => {
    for (let k = 0, x = 1; k <= 22; k++, x *= 10) assert.equal(log10(x), k);
    assert.ok(log10(999_999_999) < 9);
    assert.ok(log10(1_000_000_001) > 9);
  });

  it("rounds up without rounding errors", () => {
    const ceilings = [1, 2, 9, 10, 11, 99, 100, 101, 1000, 1001].map(ceilLog10);
    assert.deepEqual(ceilings, [0, 1, 1, 1, 2, 2, 2, 3, 3, 4]);
    const binary = [1, 2, 3, 4, 5, 31, 32, 33, 64, 65, 2 ** 40, 2 ** 40 + 1].map(ceilLog2);
    assert.deepEqual(binary, [0, 1, 2, 2, 3, 5, 5, 6, 6, 7, 40, 41]);
  });

  it("refuses what has no logarithm", () => {
    for (const bad of [0, -1, NaN, Infinity]) {
      assert.throws(() => ln(bad), RangeError);
      assert.throws(() => log10(bad), RangeError);
      assert.throws(() => ceilLog10(bad), RangeError);
      assert.throws(() => ceilLog2(bad), RangeError);
    }
    assert.throws(() => ceilLog10(0.5), RangeError);
  });
});

/** Computed once on Node 20; equality elsewhere is the proof. */
const DIGEST = 572084295;
