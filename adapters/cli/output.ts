/**
 * The standard streams. Whoever reads them may end before the process does: a log shipper that dies, a terminal that
 * is closed, `head`. The process goes on then; without a listener an `EPIPE` would end it.
 *
 * @module
 */

import process from "node:process";

let hear: ((why: string) => void) | undefined;

process.stdout.on("error", lost);
process.stderr.on("error", () => {});

/** Writes a line to standard output; never throws. What can't be written is lost. */
export function print(line: string): void {
  try {
    process.stdout.write(`${line}\n`);
  } catch (error) {
    lost(error);
  }
}

/** Writes a line to standard error; never throws. */
export function complain(line: string): void {
  try {
    process.stderr.write(`${line}\n`);
  } catch {
    // There is nobody left to tell.
  }
}

/** Tells `heard` once why lines of standard output are lost. */
export function onOutputLost(heard: (why: string) => void): void {
  hear = heard;
}

function lost(error: unknown): void {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const heard = hear;
  hear = undefined;
  heard?.(code === "EPIPE" ? "nobody reads it" : code);
}
