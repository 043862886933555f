/** @module */

/** Cuts a stream of UTF-8 bytes into lines. */
export class Lines {
  readonly #charsMax: number;
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** `charsMax`: of one line. */
  constructor(charsMax: number) {
    this.#charsMax = charsMax;
  }

  /** The lines that end in this chunk, without their ends; `undefined` when one is too long, which ends all. */
  push(chunk: Uint8Array): readonly string[] | undefined {
    const [first, ...others] = this.#decoder.decode(chunk, { stream: true }).split("\n");
    const lines = [this.#rest + first, ...others];
    this.#rest = lines.pop() as string;
    const isTooLong = (line: string): boolean => line.length > this.#charsMax;
    return isTooLong(this.#rest) || lines.some(isTooLong) ? undefined : lines;
  }
}
