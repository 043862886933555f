/**
 * Takes GOAWAY frames out of a stream of HTTP/2 bytes.
 *
 * @module
 */

const PREFACE_BYTES = 24;
const HEADER_BYTES = 9;
const TYPE_GOAWAY = 0x07;

/** Walks HTTP/2 frames (RFC 9113, section 4.1) however the bytes are cut, and leaves out those of type GOAWAY. */
export class GoawayFilter {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  /** Bytes still to come of the preface or of the payload under way. */
  #remaining: number;
  #dropping = false;

  /** With `preface`, the client preface of 24 bytes comes before the first frame, as a server sees it. */
  constructor(options: { readonly preface: boolean }) {
    this.#remaining = options.preface ? PREFACE_BYTES : 0;
  }

  /** The pieces of `chunk` that may pass, in order; `onGoaway` is called for every frame left out. */
  filter(chunk: Uint8Array, onGoaway: () => void): Uint8Array[] {
    const out: Uint8Array[] = [];
    let at = 0;
    // What passes untouched is handed on as one piece, however many frames it holds.
    let passFrom = 0;
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const take = Math.min(this.#remaining, chunk.length - at);
        this.#remaining -= take;
        at += take;
        if (this.#dropping) passFrom = at;
        if (this.#remaining === 0) this.#dropping = false;
        continue;
      }
      const headerStart = at;
      const continued = this.#headerLength > 0;
      const take = Math.min(HEADER_BYTES - this.#headerLength, chunk.length - at);
      this.#header.set(chunk.subarray(at, at + take), this.#headerLength);
      this.#headerLength += take;
      at += take;
      if (this.#headerLength < HEADER_BYTES) {
        if (passFrom < headerStart) out.push(chunk.subarray(passFrom, headerStart));
        return out;
      }
      this.#headerLength = 0;
      const [high, middle, low, type] = this.#header as unknown as [number, number, number, number];
      this.#remaining = (high << 16) | (middle << 8) | low;
      if (type === TYPE_GOAWAY) {
        onGoaway();
        if (passFrom < headerStart) out.push(chunk.subarray(passFrom, headerStart));
        passFrom = at;
        this.#dropping = this.#remaining > 0;
      } else if (continued) {
        out.push(this.#header.slice());
        passFrom = at;
      }
    }
    if (passFrom < chunk.length) out.push(chunk.subarray(passFrom));
    return out;
  }
}
