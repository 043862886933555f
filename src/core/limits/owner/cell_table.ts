/**
 * Cells of other writers, kept so that whoever owns a shard next counts them.
 *
 * @module
 */

import type { WallMillis } from "../../machine.ts";
import type { CellCopy } from "./messages.ts";

/** The newest word of each cell, by shard; bounded. A writer's later word holds all that its earlier ones said. */
export class CellTable {
  readonly #max: number;
  readonly #shards: Map<string, CellCopy>[];
  readonly #revisions: number[];
  #size = 0;

  /** At most `max` cells. */
  constructor(max: number, shards: number) {
    this.#shards = Array.from({ length: shards }, () => new Map());
    this.#revisions = new Array<number>(shards).fill(0);
    this.#max = max;
  }

  /** Keeps a cell; `false` when there is no room for it. */
  put(shard: number, cell: CellCopy): boolean {
    const cells = this.#shards[shard] as Map<string, CellCopy>;
    const known = cells.get(cell.key);
    if (known === undefined) {
      if (this.#size >= this.#max) return false;
      this.#size++;
      this.#revisions[shard] = (this.#revisions[shard] as number) + 1;
    } else if (known.word >= cell.word) return true;
    cells.set(cell.key, cell);
    return true;
  }

  /** One cell. */
  get(shard: number, key: string): CellCopy | undefined {
    return this.#shards[shard]?.get(key);
  }

  /** All cells of a shard. */
  of(shard: number): Iterable<CellCopy> {
    return (this.#shards[shard] as Map<string, CellCopy>).values();
  }

  /** Grows whenever a cell came or went. */
  revision(shard: number): number {
    return this.#revisions[shard] as number;
  }

  /** Forgets what is over. */
  expire(wallMs: WallMillis): void {
    for (const [shard, cells] of this.#shards.entries()) {
      for (const [key, { expiresMs }] of cells) {
        if (expiresMs > wallMs) continue;
        cells.delete(key);
        this.#size--;
        this.#revisions[shard] = (this.#revisions[shard] as number) + 1;
      }
    }
  }
}
