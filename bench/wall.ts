/**
 * One clock for several processes of one machine.
 *
 * @module
 */

/**
 * Milliseconds since the epoch with fractions. `performance.timeOrigin` may be off by a millisecond, so the origin is
 * taken from the ticks of `Date.now()`: the largest difference seen is the one right after a tick.
 */
export function wallMs(): number {
  origin ??= findOrigin();
  return origin + performance.now();
}

let origin: number | undefined;

function findOrigin(): number {
  let best = -Infinity;
  const end = performance.now() + 50;
  for (let now = performance.now(); now < end;) {
    const wall = Date.now();
    // Read second: whatever comes between makes the difference smaller, never larger.
    now = performance.now();
    best = Math.max(best, wall - now);
  }
  return best;
}
