/**
 * Which cells belong to which window, so that a window that begins finds its own without looking at all.
 *
 * @module
 */

/** Keys of cells by what all cells of their window begin with. */
export class CellIndex {
  readonly #keys: Map<string, Set<string>> = new Map();

  /** A cell is held. */
  add(key: string): void {
    const prefix = prefixOf(key);
    const keys = this.#keys.get(prefix);
    if (keys === undefined) this.#keys.set(prefix, new Set([key]));
    else keys.add(key);
  }

  /** A cell is held no more. */
  delete(key: string): void {
    const prefix = prefixOf(key);
    const keys = this.#keys.get(prefix);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(prefix);
  }

  /** The cells of a window. */
  of(prefix: string): Iterable<string> {
    return this.#keys.get(prefix) ?? [];
  }
}

/** The first three parts of a key, as `windowKeyPrefix` makes them. */
function prefixOf(key: string): string {
  let at = -1;
  for (let i = 0; i < 3; i++) {
    at = key.indexOf("|", at + 1);
    if (at < 0) return key;
  }
  return key.slice(0, at + 1);
}
