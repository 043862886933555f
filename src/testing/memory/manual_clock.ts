/**
 * Time that passes when a test says so.
 *
 * @module
 */

import { Deadlines } from "../../core/deadlines.ts";
import type { Millis, WallMillis } from "../../core/machine.ts";
import type { Clock } from "../../ports/clock.ts";
import { turn } from "./turn.ts";

/** A wall clock's first reading when nothing else is asked for: 2025-06-15T15:06:40Z. */
const WALL_MS: WallMillis = 1_750_000_000_000;

/** Alarms at one instant above which something arms the past again and again. */
const ALARMS_PER_INSTANT_MAX = 100_000;

/** An armed alarm; its identity is what disarms it. */
interface Alarm {
  readonly fire: () => void;
}

/**
 * A virtual clock. Alarms fire during {@linkcode ManualClock.advance} only, in order of their instants, ties in the
 * order in which they were armed; what an alarm sets in motion through promises is over before the next one fires.
 *
 * ```ts
 * const clock = new ManualClock();
 * clock.alarm(clock.now() + 1_000, () => console.log("a second later"));
 * await clock.advance(1_000);
 * ```
 */
export class ManualClock implements Clock {
  readonly #alarms: Deadlines<Alarm> = new Deadlines();
  #now: Millis = 0;
  #wallAtZero: WallMillis;
  #advancing: Promise<void> = Promise.resolve();

  /** Starts at 0; `wallMs` is what the wall clock shows then. */
  constructor(wallMs: WallMillis = WALL_MS) {
    this.#wallAtZero = wallMs;
  }

  /** See {@linkcode Clock.now}. */
  now(): Millis {
    return this.#now;
  }

  /** See {@linkcode Clock.wall}. */
  wall(): WallMillis {
    return this.#wallAtZero + this.#now;
  }

  /** Moves the wall clock alone, forwards or backwards, as somebody who sets it does. */
  jumpWall(byMs: Millis): void {
    this.#wallAtZero += byMs;
  }

  /** See {@linkcode Clock.alarm}. */
  alarm(at: Millis, fire: () => void): () => void {
    const alarm: Alarm = { fire };
    this.#alarms.set(alarm, Math.max(at, this.#now));
    return () => void this.#alarms.delete(alarm);
  }

  /**
   * Lets `ms` pass and resolves when everything due has run. Calls that overlap run one after the other. Rejects with
   * what an alarm threw; time stands at that alarm's instant then. Throws `RangeError` when time would run backwards.
   */
  advance(ms: Millis): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) {
      throw new RangeError(
        `Cannot advance the clock: ms must be 0 or more, current value is ${ms}`,
      );
    }
    const advanced = this.#advancing.then(() => this.#run(ms));
    this.#advancing = advanced.catch(() => {});
    return advanced;
  }

  /**
   * Lets time pass, a millisecond at a time, until `promise` settles, and answers what it brought. Rejects when that
   * takes more than `withinMs`.
   *
   * ```ts
   * const stream = await clock.until(streams.dial("10.0.0.2:7946", { timeoutMs: 1_000 }));
   * ```
   */
  async until<T>(promise: Promise<T>, withinMs: Millis = 60_000): Promise<T> {
    let isSettled = false;
    const settle = (): void => void (isSettled = true);
    promise.then(settle, settle);
    const deadline = this.#now + withinMs;
    while (!isSettled) {
      if (this.#now >= deadline) {
        throw new Error(`Cannot wait any longer: ${withinMs} ms passed and the promise is pending`);
      }
      await this.advance(1);
    }
    return await promise;
  }

  async #run(ms: Millis): Promise<void> {
    const until = this.#now + ms;
    let fired = 0;
    await turn();
    for (;;) {
      const at = this.#alarms.next();
      if (at === undefined || at > until) break;
      fired = at > this.#now ? 1 : fired + 1;
      if (fired > ALARMS_PER_INSTANT_MAX) {
        throw new Error(
          `Cannot advance the clock: ${ALARMS_PER_INSTANT_MAX} alarms fired at ${at} and more are due, ` +
            "find what arms the past again and again",
        );
      }
      this.#now = at;
      this.#alarms.pop(at)?.fire();
      await turn();
    }
    this.#now = until;
  }
}
