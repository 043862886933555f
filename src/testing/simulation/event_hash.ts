/**
 * One number for everything that happened in a run, so that two runs can be compared on any runtime.
 *
 * @module
 */

/** A running hash of texts and numbers; order matters. */
export class EventHash {
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;
  #events = 0;

  /** Adds one fact. */
  add(...facts: readonly (string | number)[]): void {
    this.#events++;
    for (const fact of facts) {
      const text = String(fact);
      for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
      this.#mix(0x1f);
    }
    this.#mix(0x1e);
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

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ ((this.#low >>> 15) + value), 0x85ebca6b);
  }
}
