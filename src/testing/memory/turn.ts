/** @module */

/** What all three runtimes have although the web does not. */
const { setImmediate } = globalThis as { readonly setImmediate?: (run: () => void) => unknown };

/**
 * One turn of the event loop: resolves after everything that waits for settled promises has run. Not by a
 * `MessageChannel`, whose messages Deno may deliver before that.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}
