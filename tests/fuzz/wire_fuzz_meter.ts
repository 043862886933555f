/**
 * Sees every byte array that is asked for by size.
 *
 * @module
 */

/**
 * Runs `work` and answers the largest `new Uint8Array(length)` in it: a decoder that believes an announced length
 * shows here, even if it lets go of the memory at once. Slices and views are bounded by what they are taken from.
 */
export function largestAllocation(work: () => void): number {
  const original = globalThis.Uint8Array;
  let largest = 0;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args: unknown[], newTarget) {
      if (typeof args[0] === "number" && args[0] > largest) largest = args[0];
      return Reflect.construct(target, args, newTarget);
    },
  });
  try {
    work();
  } finally {
    globalThis.Uint8Array = original;
  }
  return largest;
}
