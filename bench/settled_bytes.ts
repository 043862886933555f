/**
 * What a process holds.
 *
 * @module
 */

import process from "node:process";

/** Heap and buffers after everything unreachable is gone. */
export async function settledBytes(): Promise<number> {
  const globals = globalThis as {
    readonly gc?: () => void;
    readonly Bun?: { gc(force: boolean): void };
  };
  for (let i = 0; i < 4; i++) {
    if (globals.Bun !== undefined) globals.Bun.gc(true);
    else if (globals.gc !== undefined) globals.gc();
    else throw new Error("Cannot measure memory: start the runtime with --expose-gc");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + (globals.Bun === undefined ? external : 0);
}
