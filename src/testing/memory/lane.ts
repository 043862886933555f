/** @module */

import type { Millis } from "../../core/machine.ts";
import type { Place } from "./place.ts";
import type { Wires } from "./wires.ts";

/** How often a stalled lane looks whether its way is open again. */
const STALL_MS = 200;

/** How long a lane stalls before the connection is given up. */
const STALL_MS_MAX = 10_000;

/** One direction of a connection: what is pushed arrives later, in order; a cut stalls it and, in the end, breaks it. */
export class Lane<T> {
  readonly #wires: Wires;
  readonly #from: Place;
  readonly #to: Place;
  readonly #deliver: (item: T) => void;
  readonly #broken: () => void;
  #underWay: { readonly item: T; readonly at: Millis; readonly since: Millis }[] = [];
  #lastAt: Millis = -Infinity;
  #isPumping = false;

  /** `broken` is called once when the way stays cut; nothing is delivered afterwards. */
  constructor(
    wires: Wires,
    from: Place,
    to: Place,
    deliver: (item: T) => void,
    broken: () => void,
  ) {
    this.#wires = wires;
    this.#from = from;
    this.#to = to;
    this.#deliver = deliver;
    this.#broken = broken;
  }

  /** Sends, behind what is under way. */
  push(item: T): void {
    const now = this.#wires.clock.now();
    const at = Math.max(now + this.#wires.delayMs(this.#from, this.#to), this.#lastAt);
    this.#lastAt = at;
    this.#underWay.push({ item, at, since: now });
    if (!this.#isPumping) this.#pump(at);
  }

  #pump(at: Millis): void {
    this.#isPumping = true;
    this.#wires.clock.alarm(at, () => {
      this.#isPumping = false;
      this.#arrive();
    });
  }

  #arrive(): void {
    const now = this.#wires.clock.now();
    for (;;) {
      const first = this.#underWay[0];
      if (first === undefined) return;
      if (first.at > now) return this.#pump(first.at);
      if (this.#wires.isStalled(this.#from, this.#to)) {
        if (now - first.since < STALL_MS_MAX) return this.#pump(now + STALL_MS);
        this.#underWay = [];
        return this.#broken();
      }
      this.#underWay.shift();
      this.#deliver(first.item);
    }
  }
}
