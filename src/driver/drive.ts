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

/**
 * Couples `machine` to `clock`. Effects are performed after the machine has returned, so that an effect which
 * leads to another input (a settled promise, a failed send) is queued behind the ones before it.
 */
export function drive<Input, Effect>(
  machine: Machine<Input | Tick, Effect>,
  clock: Clock,
  perform: (effect: Effect) => void,
): Driven<Input> {
  const inputs: (Input | Tick)[] = [];
  const out: Effect[] = [];
  let running = false;
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
    inputs.push(input);
    if (running) return;
    running = true;
    try {
      for (let i = 0; i < inputs.length; i++) {
        machine.handle(inputs[i] as Input | Tick, clock.now(), out);
        for (let j = 0; j < out.length; j++) perform(out[j] as Effect);
        out.length = 0;
      }
    } finally {
      inputs.length = 0;
      out.length = 0;
      running = false;
    }
    rearm();
  }

  return {
    step,
    stop(): void {
      stopped = true;
      rearm();
    },
  };
}
