/**
 * What a writer has announced of itself, and how much of that it may use.
 *
 * @module
 */

/**
 * The ceiling of one column. A word announces one; it may be used once every acknowledger knows that word. A lower one
 * binds from the word on that says it. So the newest word that anybody has is never below what may be used.
 */
export class Announcement {
  /** The column's total may reach this. */
  usable = 0;
  /** Our total as all acknowledgers know it, at least. */
  knownTotal = 0;
  /** The ceiling that the newest word says. */
  #ceiling = 0;
  #lastWord = 0;
  #lastTotal = 0;
  /** The word that raised the ceiling to what it is, while not all know it; 0 when all do. */
  #raisedBy = 0;
  #raisedTotal = 0;
  #isKnown = false;

  /** Begins with what every member may use without a word. */
  constructor(opening: number) {
    this.usable = opening;
    this.#ceiling = opening;
  }

  /** Whether a raised ceiling is on its way: the next has to wait. */
  get isPending(): boolean {
    return this.#raisedBy !== 0;
  }

  /** Our total as the newest word says it. */
  get spokenTotal(): number {
    return this.#lastTotal;
  }

  /** What any later window may rely on everybody knowing that this one allowed beyond its total. */
  get knownBurst(): number {
    return this.#isKnown ? Math.max(0, this.usable - this.#lastTotal) : 0;
  }

  /** Says word `word` at `total`, wishing for `wanted`; answers the ceiling that it carries. */
  speak(word: number, total: number, wanted: number): number {
    this.#lastWord = word;
    this.#lastTotal = total;
    if (wanted < this.#ceiling) {
      this.#ceiling = wanted;
      this.usable = Math.min(this.usable, wanted);
    } else if (wanted > this.#ceiling && this.#raisedBy === 0) {
      this.#ceiling = wanted;
      this.#raisedBy = word;
      this.#raisedTotal = total;
    }
    return this.#ceiling;
  }

  /** All acknowledgers know `word` or a later one. */
  settled(word: number): void {
    this.#isKnown = true;
    if (word >= this.#lastWord) this.knownTotal = Math.max(this.knownTotal, this.#lastTotal);
    if (this.#raisedBy === 0 || word < this.#raisedBy) return;
    this.knownTotal = Math.max(this.knownTotal, this.#raisedTotal);
    this.usable = this.#ceiling;
    this.#raisedBy = 0;
  }
}
