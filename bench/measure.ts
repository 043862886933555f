/**
 * Times a piece of work inside one process.
 *
 * @module
 */

/** How long to measure. */
export interface MeasureOptions {
  /** Untimed running before, so that the compilers have settled. @default {300} */
  readonly warmUpMs?: number;
  /** Timed running. @default {1000} */
  readonly measureMs?: number;
}

/**
 * How many times per second `work` does its `opsPerRun` operations: the median of many short
 * slices, so that a pause of the machine does not count. `work` returns a number that depends on
 * all it did, which stops a compiler from leaving the work out.
 */
export function opsPerSecond(
  work: () => number,
  opsPerRun: number,
  options: MeasureOptions = {},
): number {
  const { warmUpMs = 300, measureMs = 1_000 } = options;
  const runsPerSlice = warmUp(work, warmUpMs);
  const rates: number[] = [];
  const end = performance.now() + measureMs;
  while (performance.now() < end || rates.length < 5) {
    const started = performance.now();
    for (let i = 0; i < runsPerSlice; i++) sink ^= work();
    rates.push(runsPerSlice * opsPerRun * 1_000 / (performance.now() - started));
  }
  return median(rates);
}

/** The middle of some numbers; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) throw new RangeError("Cannot take a median: there are no values");
  return sorted.length % 2 === 1
    ? sorted[middle] as number
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Where results go, so that they are used. */
let sink = 0;

/** Runs until the time is over and answers how many runs fill a slice of about 10 ms. */
function warmUp(work: () => number, warmUpMs: number): number {
  const started = performance.now();
  let runs = 0;
  while (performance.now() - started < warmUpMs || runs < 3) {
    sink ^= work();
    runs++;
  }
  return Math.max(1, Math.round(runs * 10 / (performance.now() - started)));
}
