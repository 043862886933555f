/**
 * What really happened, as nobody in the cluster can know it.
 *
 * @module
 */

/** Amounts of one limit in one window, in micro-units. */
interface Truth {
  /** By writer: taken, less what was given back. */
  readonly byWriter: Map<string, number>;
  /** Taken at most by estimate: overruns left out. */
  admitted: number;
}

/** Counts by limit and by the window that was meant. */
export class Oracle {
  readonly #truths: Map<string, Truth> = new Map();
  /** The largest cap that any definition ever gave, by limit. */
  readonly caps: Map<string, number> = new Map();

  /** A cap is in force from now on. */
  cap(limit: string, micros: number): void {
    this.caps.set(limit, Math.max(this.caps.get(limit) ?? 0, micros));
  }

  /** A node took or corrected an amount; `overrun` of it is above the estimate. */
  note(limit: string, window: string, writer: string, micros: number, overrun = 0): void {
    const truth = this.#truth(limit, window);
    truth.byWriter.set(writer, (truth.byWriter.get(writer) ?? 0) + micros);
    truth.admitted += micros - overrun;
  }

  /** All that nodes answered for, overruns left out. */
  admitted(limit: string, window: string): number {
    return this.#truth(limit, window).admitted;
  }

  /** What one writer took. */
  of(limit: string, window: string, writer: string): number {
    return this.#truth(limit, window).byWriter.get(writer) ?? 0;
  }

  /** Every window of every limit in which something was taken. */
  windows(): string[] {
    return [...this.#truths.keys()];
  }

  /** Writers of one of {@linkcode Oracle.windows}. */
  writers(key: string): ReadonlyMap<string, number> {
    return this.#truths.get(key)?.byWriter ?? new Map();
  }

  #truth(limit: string, window: string): Truth {
    const key = `${limit} ${window}`;
    let truth = this.#truths.get(key);
    if (truth === undefined) {
      truth = { byWriter: new Map(), admitted: 0 };
      this.#truths.set(key, truth);
    }
    return truth;
  }
}
