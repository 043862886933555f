/**
 * What somebody probably meant to write.
 *
 * @module
 */

/** Keys longer than this are compared by their beginning; it bounds the work. */
const LENGTH_MAX = 48;

/**
 * How many insertions, deletions, replacements and swaps of neighbours turn `a` into `b` (Damerau-Levenshtein in its
 * optimal string alignment form: no place is edited twice).
 */
export function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  let beforeLast = new Array<number>(width).fill(0);
  let last = Array.from({ length: width }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = new Array<number>(width).fill(0);
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, at(beforeLast, j - 2) + 1);
      }
      row[j] = cost;
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

/**
 * The known word nearest to `word`: letter case, `_` and `-` count for nothing (`nodeId` is `node_id`), ties go to the
 * one listed first; `undefined` only when `known` is empty.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = simplified(word);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = editDistance(plain, simplified(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Whether `word` is `known` but for a slip or two of the hand. */
export function isNear(word: string, known: string): boolean {
  return editDistance(simplified(word), simplified(known)) <= Math.ceil(known.length / 5);
}

function simplified(word: string): string {
  return word.slice(0, LENGTH_MAX).toLowerCase().replaceAll(/[_-]/g, "");
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
