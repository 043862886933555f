/**
 * Bytes of a stream that have come and are not used up.
 *
 * @module
 */

const FIRST_BYTES = 1024;

/** A queue of bytes in one array, which doubles as data comes and is never sized by what a peer announces. */
export class ByteBuffer {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** The array; valid from {@linkcode ByteBuffer.start} to {@linkcode ByteBuffer.end}, until the next append. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where the unused bytes begin. */
  get start(): number {
    return this.#start;
  }

  /** Where they end. */
  get end(): number {
    return this.#end;
  }

  /** How many there are. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds a copy of `more`. */
  append(more: Uint8Array): void {
    const length = this.length;
    if (this.#end + more.length > this.#bytes.length) {
      // Moving to the front is enough only if it frees as much as it copies; else the cost would be quadratic.
      const roomy = length + more.length <= this.#bytes.length && this.#start >= length;
      const target = roomy
        ? this.#bytes
        : new Uint8Array(Math.max(FIRST_BYTES, 2 * length, length + more.length));
      target.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = target;
      this.#start = 0;
      this.#end = length;
    }
    this.#bytes.set(more, this.#end);
    this.#end += more.length;
  }

  /** Uses up `count` bytes. */
  consume(count: number): void {
    this.#start += count;
  }

  /** Continues with other bytes altogether: what a layer had wrapped. They are not copied. */
  become(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = bytes.length;
  }

  /** Lets go of everything. */
  clear(): void {
    this.become(new Uint8Array(0));
  }
}
