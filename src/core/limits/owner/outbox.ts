/**
 * Requests on their way to owners, many to the same peer in one message; and those that must arrive though nobody waits
 * for their answer: cancels and corrections.
 *
 * @module
 */

import { Deadlines } from "../../deadlines.ts";
import type { Millis } from "../../machine.ts";
import type { WriterId } from "../contract.ts";
import type { AskOp, CancelOp, CorrectOp } from "./messages.ts";
import type { OwnerWorld } from "./world.ts";

/** Most cancels and corrections to one peer that are not confirmed; the oldest is given up. */
const ERRANDS_MAX = 4_096;

interface Errand {
  readonly target: Target;
  readonly op: CancelOp | CorrectOp;
  readonly until: Millis;
}

interface Target extends WriterId {
  ops: AskOp[];
  /** When the waiting ops go out. */
  flushAt: Millis;
  /** By number. */
  readonly errands: Map<number, Errand>;
}

/** See the module. */
export class Outbox {
  readonly #world: OwnerWorld;
  /** The lowest number of a charge that is still wanted from anybody. */
  readonly #firstOpen: () => number;
  readonly #targets: Map<string, Target> = new Map();
  readonly #due: Deadlines<Errand> = new Deadlines();

  /** Nothing to send. */
  constructor(world: OwnerWorld, firstOpen: () => number) {
    this.#world = world;
    this.#firstOpen = firstOpen;
  }

  /** Whether no cancel or correction is under way. */
  get isIdle(): boolean {
    return this.#due.size === 0;
  }

  /** When something is to be sent. */
  nextDeadline(): Millis | undefined {
    let next = this.#due.next();
    for (const { flushAt } of this.#targets.values()) {
      if (flushAt < (next ?? Infinity)) next = flushAt;
    }
    return next;
  }

  /** Sends an op with the next message to `to`; ourselves do not wait. */
  send(to: WriterId, op: AskOp): void {
    const { now, config, self } = this.#world;
    const target = this.#target(to);
    target.ops.push(op);
    const isFull = target.ops.length >= config.batchMax || to.boot === self.boot;
    target.flushAt = Math.min(target.flushAt, isFull ? now : now + config.batchMs);
  }

  /** Sends a cancel or a correction until it is confirmed, its target is gone, or it is too late. */
  deliver(to: WriterId, op: CancelOp | CorrectOp): void {
    const { now, config, counters } = this.#world;
    const target = this.#target(to);
    const [oldest] = target.errands.values();
    if (target.errands.size >= ERRANDS_MAX && oldest !== undefined) {
      counters.correctionsLost++;
      this.#drop(oldest);
    }
    const errand: Errand = { target, op, until: now + config.correctMs };
    target.errands.set(op.number, errand);
    this.#due.set(errand, now + config.retryMs);
    this.send(to, op);
  }

  /** `boot` did what was asked for. */
  confirmed(boot: string, number: number): void {
    const errand = this.#targets.get(boot)?.errands.get(number);
    if (errand !== undefined) this.#drop(errand);
  }

  /** Sends what is due. */
  flush(): void {
    const { now, config, counters } = this.#world;
    for (let errand = this.#due.pop(now); errand !== undefined; errand = this.#due.pop(now)) {
      if (now >= errand.until) {
        counters.correctionsLost++;
        this.#drop(errand);
        continue;
      }
      this.#due.set(errand, now + config.retryMs);
      this.send(errand.target, errand.op);
    }
    for (const target of this.#targets.values()) if (target.flushAt <= now) this.#flush(target);
  }

  /** The roster changed: what is for the gone is not sent any more. */
  follow(): void {
    for (const [boot, target] of this.#targets) {
      if (this.#world.roster.fate(target) === "present") continue;
      for (const errand of target.errands.values()) this.#due.delete(errand);
      this.#world.counters.correctionsLost += target.errands.size;
      this.#targets.delete(boot);
    }
  }

  #flush(target: Target): void {
    const { self, config } = this.#world;
    target.flushAt = Infinity;
    const { ops } = target;
    target.ops = [];
    let doneBelow = this.#firstOpen();
    for (const number of target.errands.keys()) doneBelow = Math.min(doneBelow, number);
    for (let at = 0; at < ops.length; at += config.batchMax) {
      this.#world.send(target.node, {
        type: "ask",
        to: target.boot,
        boot: self.boot,
        doneBelow,
        ops: ops.slice(at, at + config.batchMax),
      });
    }
  }

  #drop(errand: Errand): void {
    errand.target.errands.delete(errand.op.number);
    this.#due.delete(errand);
  }

  #target({ node, boot }: WriterId): Target {
    let target = this.#targets.get(boot);
    if (target === undefined) {
      target = { node, boot, ops: [], flushAt: Infinity, errands: new Map() };
      this.#targets.set(boot, target);
    }
    return target;
  }
}
