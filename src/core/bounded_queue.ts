/**
 * A first-in first-out queue that can't grow for ever.
 *
 * @module
 */

/** Holds at most `capacity` items; when full the oldest is dropped and counted. */
export class BoundedQueue<T> {
  readonly #items: (T | undefined)[];
  readonly #capacity: number;
  #head = 0;
  #size = 0;
  #dropped = 0;

  /** Throws `RangeError` unless `capacity` is a whole number of at least 1. */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(
        `Cannot make a queue as capacity must be an integer >= 1: current value is ${capacity}`,
      );
    }
    this.#capacity = capacity;
    this.#items = [];
  }

  /** Items waiting. */
  get size(): number {
    return this.#size;
  }

  /** Items dropped because the queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Appends; answers the item that had to go, if any. */
  push(item: T): T | undefined {
    let lost: T | undefined;
    if (this.#size === this.#capacity) {
      lost = this.shift();
      this.#dropped++;
    }
    this.#items[(this.#head + this.#size) % this.#capacity] = item;
    this.#size++;
    return lost;
  }

  /** Takes the oldest item. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#capacity;
    this.#size--;
    return item;
  }
}
