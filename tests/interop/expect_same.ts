/**
 * Comparison with a message that can be read.
 *
 * @module
 */

import { canonical } from "./go_fields.ts";

/** Throws unless both are the same value. */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  const [got, wanted] = [canonical(actual), canonical(expected)];
  if (got !== wanted) throw new Error(`${what}: got ${cut(got)}, expected ${cut(wanted)}`);
}

function cut(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}
