/**
 * Seeded dice: sfc32, which passes the usual statistical batteries and needs integer arithmetic only.
 * Never used for anything secret.
 *
 * @module
 */

/** A deterministic source of randomness; the same seed gives the same run on every runtime. */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  /** Starts from a 32-bit seed; the first outputs are thrown away so that near seeds differ at once. */
  constructor(seed: number) {
    this.#a = 0x9e3779b9;
    this.#b = 0x243f6a88;
    this.#c = seed >>> 0;
    for (let i = 0; i < 15; i++) this.u32();
  }

  /** A uniform integer of 32 bits. */
  u32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + t) | 0;
    return t >>> 0;
  }

  /** A uniform integer in `[0, bound)`; 0 when `bound` is 0 or 1. */
  below(bound: number): number {
    return bound <= 1 ? 0 : Math.floor(this.unit() * bound);
  }

  /** A uniform number in `[0, 1)`. */
  unit(): number {
    return this.u32() / 4294967296;
  }

  /** A uniform number in `[from, to)`. */
  between(from: number, to: number): number {
    return from + this.unit() * (to - from);
  }

  /** `true` with the given probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** Shuffles in place (Fisher and Yates) and returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const swapped = items[i] as T;
      items[i] = items[j] as T;
      items[j] = swapped;
    }
    return items;
  }

  /** An independent generator, for a part that must not disturb the others' sequence. */
  fork(): Rng {
    return new Rng(this.u32());
  }
}
