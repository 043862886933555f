/**
 * One number for everything that happened in a run, so that two runs can be compared on any runtime.
 *
 * @module
 */

const float: Float64Array = new Float64Array(1);
const halves: Uint32Array = new Uint32Array(float.buffer);

/** A running hash of texts and numbers; order matters. */
export class EventHash {
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;
  #events = 0;

  /** Adds one fact. */
  add(...facts: readonly (string | number)[]): void {
    this.#events++;
    for (const fact of facts) {
      if (typeof fact === "number") this.#number(fact);
      else this.#text(fact);
    }
    this.#mix(0x1e);
  }

  /** Adds one fact of three numbers: for what happens millions of times. */
  step(a: number, b: number, c: number): void {
    this.#events++;
    this.#number(a);
    this.#number(b);
    this.#number(c);
  }

  /** How many facts were added. */
  get events(): number {
    return this.#events;
  }

  /** 16 hex digits. */
  get digest(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  #text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
    this.#mix(0x1f);
  }

  /** All 64 bits; sum and difference, so that it does not matter which half a machine stores first. */
  #number(value: number): void {
    float[0] = value;
    this.#mix(((halves[0] as number) + (halves[1] as number)) | 0);
    this.#mix(((halves[0] as number) ^ (halves[1] as number)) | 0);
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ ((this.#low >>> 15) + value), 0x85ebca6b);
  }
}
