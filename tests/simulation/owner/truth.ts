/**
 * What really happened to limits of the `owner` strength, as nobody in the cluster can know it.
 *
 * @module
 */

import { parseCellKey } from "../../../src/core/limits/cell_key.ts";
import { SUB_WINDOWS } from "../../../src/core/limits/windows.ts";

/** What callers were told they took, less what they gave back. */
export class Truth {
  /** By cell, then by sub-window: what its cell must say. */
  readonly cells: Map<string, Map<number, number>> = new Map();
  /** By limit and window, then by sub-window: the same without overruns. */
  readonly #admitted: Map<string, Map<number, number>> = new Map();
  /** Largest cap ever, by limit. */
  readonly caps: Map<string, number> = new Map();
  /** What may be counted though nobody was told that it was taken. */
  uncertain = 0;

  /** A cap is in force from now on. */
  cap(limit: string, micros: number): void {
    this.caps.set(limit, Math.max(this.caps.get(limit) ?? 0, micros));
  }

  /** A caller was told of an amount, or corrected it; `overrun` of it is above the estimate. */
  note(cell: string, index: number, micros: number, overrun = 0): void {
    add(this.cells, cell, index, micros);
    add(this.#admitted, windowOf(cell), index, micros - overrun);
  }

  /** The most that was admitted within one length of the window, around what `cell` counts at `index`. */
  admitted(cell: string, index: number, isRolling: boolean): number {
    const parts = this.#admitted.get(windowOf(cell)) ?? new Map<number, number>();
    if (!isRolling) return parts.get(0) ?? 0;
    let most = 0;
    for (let last = index; last < index + SUB_WINDOWS; last++) {
      let sum = 0;
      for (const [at, micros] of parts) if (at > last - SUB_WINDOWS && at <= last) sum += micros;
      most = Math.max(most, sum);
    }
    return most;
  }

  /** What should be used of one window, of sub-windows from `oldest` on. */
  used(limit: string, window: string, oldest: number): number {
    let sum = 0;
    for (const [cell, parts] of this.cells) {
      if (windowOf(cell) !== `${limit} ${window}`) continue;
      for (const [index, micros] of parts) if (index >= oldest) sum += micros;
    }
    return sum;
  }
}

function windowOf(cell: string): string {
  const address = parseCellKey(cell);
  return `${address?.limit} ${address?.window}`;
}

function add(
  sums: Map<string, Map<number, number>>,
  key: string,
  index: number,
  micros: number,
): void {
  let parts = sums.get(key);
  if (parts === undefined) sums.set(key, parts = new Map());
  parts.set(index, (parts.get(index) ?? 0) + micros);
}
