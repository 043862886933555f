/**
 * Fuzzes every decoder of the wire from one seed.
 *
 * @module
 */

import { Rng } from "../../src/core/rng.ts";
import { type FuzzDecoder, wireDecoders } from "./wire_fuzz_decoders.ts";
import { vectorCorpus } from "./wire_fuzz_inputs.ts";
import { largestAllocation } from "./wire_fuzz_meter.ts";

/** What to fuzz, and for how long. */
export interface FuzzOptions {
  /** The same seed gives the same inputs. */
  readonly seed: number;
  /** How many inputs, spread evenly over the decoders. */
  readonly inputs: number;
  /** Called now and then. */
  readonly onProgress?: (done: number, inputs: number) => void;
  /** Other decoders than those of the wire: for testing the fuzzer. */
  readonly decoders?: readonly FuzzDecoder[];
  /**
   * An input that takes longer than this counts as a hang; a decoder that never returns stops the run.
   *
   * @default 5000
   */
  readonly hangMs?: number;
}

/** One broken claim, with all it takes to see it again. */
export interface FuzzFailure {
  readonly decoder: string;
  /** Number of the input since the start of the run. */
  readonly index: number;
  readonly problem: string;
  /** The input, cut after 4 KiB. */
  readonly hex: string;
}

/** What came of it. */
export interface FuzzReport {
  readonly seed: number;
  readonly inputs: number;
  /** Inputs per decoder, and how many of them were taken for valid. */
  readonly decoders: Readonly<
    Record<string, { readonly inputs: number; readonly accepted: number }>
  >;
  /** At most {@linkcode FAILURES_MAX}; the run ends there. */
  readonly failures: readonly FuzzFailure[];
}

/** After so many failures a run stops: they tend to have one cause. */
export const FAILURES_MAX = 20;

const PROGRESS_EVERY = 10_000;

/**
 * Runs `inputs` inputs. A decoder must not throw, not take long, ask for no array above its bound, and keep its own
 * claims; see {@linkcode FuzzDecoder}.
 */
export function fuzzWire(options: FuzzOptions): FuzzReport {
  const { seed, inputs, onProgress, hangMs = 5000 } = options;
  const rng = new Rng(seed);
  const corpus = vectorCorpus();
  const decoders = options.decoders ?? wireDecoders();
  const counts = decoders.map(() => ({ inputs: 0, accepted: 0 }));
  const failures: FuzzFailure[] = [];
  let index = 0;
  for (; index < inputs && failures.length < FAILURES_MAX; index++) {
    const which = index % decoders.length;
    const decoder = decoders[which] as FuzzDecoder;
    const count = counts[which] as { inputs: number; accepted: number };
    const input = decoder.input(rng, corpus);
    const problem = tryOne(decoder, input, rng, hangMs, () => count.accepted += 1);
    count.inputs += 1;
    if (problem !== undefined) {
      failures.push({ decoder: decoder.name, index, problem, hex: hexOf(input.subarray(0, 4096)) });
    }
    if (index % PROGRESS_EVERY === PROGRESS_EVERY - 1) onProgress?.(index + 1, inputs);
  }
  const named = decoders.map((decoder, i) => [decoder.name, counts[i]]);
  return { seed, inputs: index, decoders: Object.fromEntries(named), failures };
}

function tryOne(
  decoder: FuzzDecoder,
  input: Uint8Array,
  rng: Rng,
  hangMs: number,
  accepted: () => void,
): string | undefined {
  const before = performance.now();
  let largest = 0;
  try {
    largest = largestAllocation(() => {
      if (decoder.decode(input, rng)) accepted();
    });
  } catch (cause) {
    return `threw ${cause}`;
  }
  const tookMs = performance.now() - before;
  if (tookMs > hangMs) return `took ${Math.round(tookMs)} ms`;
  const bound = decoder.allocationMax(input.length);
  return largest > bound ? `asked for ${largest} bytes, at most ${bound} are due` : undefined;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
