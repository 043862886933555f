/** @module */

/** Arrived bytes between the socket that pushes and the one reader that pulls; tells the socket when to hold back. */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  readonly #pause: () => void;
  readonly #resume: () => void;
  readonly #bytesMax: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #paused = false;
  #ended = false;
  #wake: (() => void) | undefined;

  /** Calls `pause` when more than `bytesMax` wait and `resume` when the reader has caught up. */
  constructor(bytesMax: number, pause: () => void, resume: () => void) {
    this.#bytesMax = bytesMax;
    this.#pause = pause;
    this.#resume = resume;
  }

  /** Adds a chunk; ignored once ended. */
  push(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bytesMax && !this.#paused) {
      this.#paused = true;
      this.#pause();
    }
    this.#wakeReader();
  }

  /** No more will come; the reader still gets what waits. */
  end(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  /** Ends and forgets what waits. */
  discard(): void {
    this.#chunks = [];
    this.#bytes = 0;
    this.end();
  }

  /** Yields in order of arrival. Leaving the loop leaves the rest for the next one. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#next() };
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#take(chunk.length);
        return { done: false, value: chunk };
      }
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #take(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#paused && this.#bytes <= this.#bytesMax / 2) {
      this.#paused = false;
      this.#resume();
    }
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
