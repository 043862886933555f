/**
 * Runs a machine in virtual time, as `driver/drive.ts` does in real time.
 *
 * @module
 */

import type { Machine, Millis, Tick } from "../../core/machine.ts";

/** A machine with its inputs in order: an input that an effect leads to waits until the effects before it are done. */
export class Stepper<Input, Effect> {
  readonly #machine: Machine<Input | Tick, Effect>;
  readonly #clock: { readonly now: Millis };
  readonly #perform: (effect: Effect) => void;
  readonly #after: () => void;
  readonly #inputs: (Input | Tick)[] = [];
  readonly #out: Effect[] = [];
  #running = false;
  #stopped = false;

  /** `after` is called whenever the machine has come to rest. */
  constructor(
    machine: Machine<Input | Tick, Effect>,
    clock: { readonly now: Millis },
    perform: (effect: Effect) => void,
    after: () => void,
  ) {
    this.#machine = machine;
    this.#clock = clock;
    this.#perform = perform;
    this.#after = after;
  }

  /** When a tick is wanted; `Infinity` when never. */
  get deadline(): Millis {
    return this.#machine.nextDeadline() ?? Infinity;
  }

  /** Hands in one input and performs what comes of it. */
  step(input: Input | Tick): void {
    if (this.#stopped) return;
    const inputs = this.#inputs;
    inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    const out = this.#out;
    for (let i = 0; i < inputs.length; i++) {
      this.#machine.handle(inputs[i] as Input | Tick, this.#clock.now, out);
      for (let j = 0; j < out.length; j++) if (!this.#stopped) this.#perform(out[j] as Effect);
      out.length = 0;
    }
    inputs.length = 0;
    this.#running = false;
    if (!this.#stopped) this.#after();
  }

  /** Hands in a tick if one is due. */
  tick(): void {
    if (this.deadline <= this.#clock.now) this.step({ type: "tick" });
  }

  /** Further steps do nothing. */
  stop(): void {
    this.#stopped = true;
  }
}
