/**
 * Runs a machine in real time: the only place where time passes.
 *
 * @module
 */

import type { Machine, Tick } from "../core/machine.ts";
import type { Clock } from "../ports/clock.ts";

/** A machine with its alarm. */
export interface Driven<Input> {
  /** Hands one input to the machine, performs its effects in order and re-arms the alarm. */
  step(input: Input): void;
  /** Disarms; further steps do nothing. */
  stop(): void;
}

/** How effects are performed. */
export interface DriveOptions<Effect> {
  /**
   * Effects that answer a call and are owed before `step` returns, whatever waits before them. They MUST NOT lead to
   * inputs.
   */
  readonly isAnswer?: (effect: Effect) => boolean;
}

/**
 * Couples `machine` to `clock`. An input is handled at once, also one that comes while effects are performed (a
 * listener that writes): its effects wait behind those before them, so that their order is the machine's.
 */
export function drive<Input, Effect>(
  machine: Machine<Input | Tick, Effect>,
  clock: Clock,
  perform: (effect: Effect) => void,
  options: DriveOptions<Effect> = {},
): Driven<Input> {
  const { isAnswer } = options;
  const waiting: Effect[] = [];
  let performing = false;
  let stopped = false;
  let armedAt: number | undefined;
  let disarm: () => void = () => {};

  function rearm(): void {
    const at = stopped ? undefined : machine.nextDeadline();
    if (at === armedAt) return;
    disarm();
    armedAt = at;
    disarm = at === undefined ? () => {} : clock.alarm(at, () => {
      armedAt = undefined;
      step({ type: "tick" });
    });
  }

  function step(input: Input | Tick): void {
    if (stopped) return;
    const from = waiting.length;
    machine.handle(input, clock.now(), waiting);
    if (isAnswer !== undefined) answer(from);
    if (performing) return;
    performing = true;
    let failure: { readonly error: unknown } | undefined;
    for (let i = 0; i < waiting.length; i++) {
      try {
        perform(waiting[i] as Effect);
      } catch (error) {
        failure ??= { error };
      }
    }
    waiting.length = 0;
    performing = false;
    rearm();
    if (failure !== undefined) throw failure.error;
  }

  function answer(from: number): void {
    for (let i = from; i < waiting.length;) {
      const effect = waiting[i] as Effect;
      if (isAnswer?.(effect) !== true) i++;
      else {
        waiting.splice(i, 1);
        perform(effect);
      }
    }
  }

  return {
    step,
    stop(): void {
      stopped = true;
      rearm();
    },
  };
}
