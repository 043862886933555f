/** @module */

/** Bytes that have arrived and wait for the one reader. */
export class Inbox implements AsyncIterable<Uint8Array> {
  readonly #taken: (bytes: number) => void;
  #chunks: Uint8Array[] = [];
  #isEnded = false;
  #wake: (() => void) | undefined;

  /** `taken` is told what was read or discarded, so that the sender may send more. */
  constructor(taken: (bytes: number) => void) {
    this.#taken = taken;
  }

  /** Adds a chunk; after the end it is dropped and counts as taken. */
  push(chunk: Uint8Array): void {
    if (this.#isEnded) return this.#taken(chunk.length);
    this.#chunks.push(chunk);
    this.#wakeReader();
  }

  /** No more will come; the reader still gets what waits. */
  end(): void {
    this.#isEnded = true;
    this.#wakeReader();
  }

  /** Ends and drops what waits. */
  discard(): void {
    const dropped = this.#chunks;
    this.#chunks = [];
    this.end();
    for (const chunk of dropped) this.#taken(chunk.length);
  }

  /** Yields in order of arrival. Leaving the loop leaves the rest for the next one. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#next() };
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#taken(chunk.length);
        return { done: false, value: chunk };
      }
      if (this.#isEnded) return { done: true, value: undefined };
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
