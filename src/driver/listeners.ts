/**
 * Listeners that can't hurt the node.
 *
 * @module
 */

/** A set of listeners called in the order they came; one that throws is reported and the others still hear. */
export class Listeners<T> {
  readonly #listeners: Set<(value: T) => void> = new Set();
  readonly #onThrow: (error: unknown) => void;

  /** `onThrow` hears of listeners that threw. */
  constructor(onThrow: (error: unknown) => void) {
    this.#onThrow = onThrow;
  }

  /** Adds a listener; the answer takes it off again. */
  add(listener: (value: T) => void): () => void {
    const own = (value: T): void => listener(value);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Calls every listener there is now; one that is added meanwhile hears from the next time on. */
  tell(value: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.#onThrow(error);
      }
    }
  }
}
