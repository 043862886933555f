/**
 * Waits for conditions without sleeping blindly.
 *
 * @module
 */

/** Polls `check` until it answers something other than `undefined`, `null` or `false`; rejects after `withinMs`. */
export async function eventually<T>(
  claim: string,
  check: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  withinMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() > deadline) {
      throw new Error(`Waited ${withinMs} ms in vain until ${claim}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
