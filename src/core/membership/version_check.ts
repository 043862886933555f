/**
 * Whether members can talk to one another (memberlist.md 3.8), judged row by row: one odd row must not stop an
 * exchange (memberlist.md 8.4, 14).
 *
 * @module
 */

/** The smallest range in which everybody's spoken version must lie, and the extremes that are spoken. */
interface Span {
  minMax: number;
  maxMin: number;
  spokenMin: number;
  spokenMax: number;
}

/** What a set of members understands and speaks: core protocol and delegate protocol. */
export class VersionSpan {
  readonly #core: Span = { minMax: 0, maxMin: 255, spokenMin: 255, spokenMax: 0 };
  readonly #delegate: Span = { minMax: 0, maxMin: 255, spokenMin: 255, spokenMax: 0 };

  /** Takes in the six bytes of one more member. */
  add(vsn: Uint8Array): void {
    widen(this.#core, vsn, 0);
    widen(this.#delegate, vsn, 3);
  }

  /** Whether a member with these versions understands all added so far, and they it. */
  admits(vsn: Uint8Array | null): boolean {
    if (vsn === null || vsn.length < 6) return false;
    return fits(this.#core, vsn, 0) && fits(this.#delegate, vsn, 3);
  }
}

function widen(span: Span, vsn: Uint8Array, at: number): void {
  span.minMax = Math.max(span.minMax, vsn[at] as number);
  span.maxMin = Math.min(span.maxMin, vsn[at + 1] as number);
  span.spokenMin = Math.min(span.spokenMin, vsn[at + 2] as number);
  span.spokenMax = Math.max(span.spokenMax, vsn[at + 2] as number);
}

function fits(span: Span, vsn: Uint8Array, at: number): boolean {
  const min = vsn[at] as number;
  const max = vsn[at + 1] as number;
  const spoken = vsn[at + 2] as number;
  const understood = spoken >= span.minMax && spoken <= span.maxMin;
  const understands = min <= span.spokenMin && max >= span.spokenMax;
  return understood && understands;
}
