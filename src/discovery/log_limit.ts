/**
 * Keeps what the network says over and over from filling the log.
 *
 * @module
 */

import type { LogLevel } from "../core/log.ts";
import type { Millis } from "../core/machine.ts";
import type { Clock } from "../ports/clock.ts";

/** Writes a record. */
export type SayRecord = (
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void;

/** How many records of one text go through in {@linkcode WINDOW_MS}. */
const BURST = 5;
const WINDOW_MS: Millis = 60_000;
/** How many texts are told apart; whatever comes on top shares one limit. */
const TEXTS_MAX = 256;

interface Count {
  sinceMs: Millis;
  said: number;
  suppressed: number;
}

/** Lets {@linkcode BURST} records per text and minute through; the next one says how many were left out. */
export class LogLimit {
  readonly #clock: Clock;
  readonly #say: SayRecord;
  readonly #counts: Map<string, Count> = new Map();

  constructor(clock: Clock, say: SayRecord) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Writes the record, or counts it. */
  say(
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, string | number | boolean>> = {},
  ): void {
    const now = this.#clock.now();
    const text = this.#counts.size < TEXTS_MAX || this.#counts.has(message) ? message : "";
    let count = this.#counts.get(text);
    if (count === undefined) {
      count = { sinceMs: now, said: 0, suppressed: 0 };
      this.#counts.set(text, count);
    }
    if (now - count.sinceMs >= WINDOW_MS) {
      count.sinceMs = now;
      count.said = 0;
    }
    if (count.said >= BURST) {
      count.suppressed++;
      return;
    }
    count.said++;
    const { suppressed } = count;
    count.suppressed = 0;
    this.#say(level, message, suppressed === 0 ? fields : { ...fields, suppressed });
  }
}
