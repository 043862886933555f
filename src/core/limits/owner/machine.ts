/**
 * The `owner` strength of one node: a call goes to the node that owns the limit, which decides on the sum of all cells.
 *
 * How to wire it:
 *
 * - Decisions are calls, their outcome comes as effects: {@linkcode Owner.consume} names the call, a `decided` effect
 *   answers it, at the latest when `giveUpMs` have passed. After every method that is not `handle`, look at
 *   {@linkcode Owner.nextDeadline}: it is now when there is something to send or to tell; hand in a tick.
 * - A caller that stops waiting says {@linkcode Owner.abandon}; then nothing stays charged and nothing is told. A call that names
 *   limits of other strengths as well charges here first, then there; when they refuse, make this call a reservation
 *   and `refund` it.
 * - `limit` inputs bring definitions of this strength that `resolveLimit` accepted; `noLimit` when one is deleted or
 *   has another strength now.
 * - `members` says who is ready, in the same words on all nodes. Who crashed stays `dead` there until it left, was
 *   replaced or is forgotten: it decides what is *isolated*, as for the limits machine.
 * - `writeCell` and every foreign cell of the store's `_cell` type are the same as with the limits machine. Our own
 *   cells carry the boot with `/owner` behind it, so that the limits machine of this boot counts them as another
 *   writer's, and this machine its. `replayCells` is answered at once: all stored cells of that prefix, then
 *   `replayed`.
 * - `send` goes to a node over a link that tells who sent it; nothing need arrive, or only once, or in order.
 * - On leaving: `leave`, then gossip that this node is leaving, go on until {@linkcode Owner.isDrained} or patience ends.
 *
 * @module
 */

import { Deadlines } from "../../deadlines.ts";
import type { Machine, Millis, WallMillis } from "../../machine.ts";
import type { ConsumeItem, SettleResult } from "../contract.ts";
import { Books } from "./books.ts";
import { Calls, type TakenItem } from "./calls.ts";
import type {
  OwnerCounters,
  OwnerEffect,
  OwnerInput,
  OwnerMember,
  OwnerOptions,
} from "./contract.ts";
import { Desk } from "./desk.ts";
import type { OwnerMessage } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import type { OwnerRules } from "./rules.ts";
import { OwnerWorld } from "./world.ts";

/** How often what is over is looked for. */
const TIDY_MS = 1_000;

/** See the module. */
export class Owner implements Machine<OwnerInput, OwnerEffect> {
  readonly #world: OwnerWorld;
  readonly #books: Books;
  readonly #desk: Desk;
  readonly #outbox: Outbox;
  readonly #calls: Calls;
  readonly #reservations: Map<number, readonly TakenItem[]> = new Map();
  readonly #finals: Deadlines<number> = new Deadlines();
  #members: readonly OwnerMember[] = [];
  #lastReservation = 0;
  #numbers = 1;
  #tidyAt: Millis = -Infinity;

  /** Knows nobody but itself, and no limit. `rules` are others, and `shards` fewer, only in simulations. */
  constructor(options: OwnerOptions, rules?: OwnerRules, shards?: number) {
    this.#world = new OwnerWorld(options, rules, shards);
    this.#books = new Books(this.#world);
    this.#desk = new Desk(this.#world, this.#books);
    this.#outbox = new Outbox(this.#world, () => this.#calls.firstOpen ?? this.#numbers);
    this.#calls = new Calls(this.#world, this.#books, this.#outbox, () => this.#numbers++, {
      isFull: () => this.#reservations.size >= this.#world.config.reservationsMax,
      reserve: (items, reserveMs) => this.#reserve(items, reserveMs),
      correct: (item, difference) => this.#correct(item, difference),
    });
  }

  /** Counted since start. */
  get counters(): Readonly<OwnerCounters> {
    return this.#world.counters;
  }

  /** After `leave`: whether nobody waits, all is told and every office was handed on. */
  get isDrained(): boolean {
    return this.#calls.isIdle && this.#outbox.isIdle && this.#books.isClean &&
      this.#desk.succession.isHandedOn;
  }

  /** Whether this node decides for a limit now, and whether the next on the ring has all of it. */
  office(id: string): { readonly isOpen: boolean; readonly isSafe: boolean } {
    return this.#desk.office(id);
  }

  /** What is used of a limit as far as this node knows, and in which window; `undefined` without such a limit. */
  used(id: string): { readonly window: string; readonly used: number } | undefined {
    const limit = this.#world.limits.get(id);
    const counter = limit === undefined ? undefined : this.#books.present(limit)?.counter;
    return counter === undefined ? undefined : { window: counter.span.id, used: counter.used };
  }

  /**
   * Takes of all items or of none; a `decided` effect named `call` says which. With `reserveMs` above 0 the amounts
   * are estimates: {@linkcode Owner.settle} says what they were, or they stand when `reserveMs` have passed.
   *
   * Throws `RangeError`, and takes nothing, when an amount is no whole number from 0.
   */
  consume(
    call: number,
    items: readonly ConsumeItem[],
    now: Millis,
    wallMs: WallMillis,
    reserveMs: Millis = 0,
    giveUpMs: Millis = this.#world.config.giveUpMs,
  ): void {
    for (const { amount } of items) checkAmount(amount);
    this.#world.advance(now, wallMs);
    this.#calls.begin(call, items, reserveMs, giveUpMs);
  }

  /** Nobody waits for this call any more: what it took or takes is given back, and nothing is told of it. */
  abandon(call: number, now: Millis): void {
    this.#world.advance(now);
    this.#calls.abandon(call);
  }

  /**
   * Says what the items of a reservation really took, in the order of the call; counts in the window of the
   * reservation. What it changes is on its way to the owner when this returns; should that die first, the estimate
   * stands. Throws `RangeError`, and leaves the reservation open, unless there is one whole number from 0 for each item.
   */
  settle(reservation: number, amounts: readonly number[], now: Millis): SettleResult {
    for (const amount of amounts) checkAmount(amount);
    this.#world.advance(now);
    this.#expire();
    const items = this.#reservations.get(reservation);
    if (items === undefined) return "unknown";
    if (amounts.length !== items.length) {
      throw new RangeError(
        `Cannot settle a reservation: it has ${items.length} items, given are ${amounts.length} amounts`,
      );
    }
    this.#close(reservation);
    for (const [i, item] of items.entries()) {
      const difference = (amounts[i] as number) - item.amount;
      if (difference !== 0) this.#correct(item, difference);
    }
    return "settled";
  }

  /** Gives back all that a reservation took. */
  refund(reservation: number, now: Millis): SettleResult {
    const items = this.#reservations.get(reservation);
    return this.settle(reservation, (items ?? []).map(() => 0), now);
  }

  handle(input: OwnerInput, now: Millis, out: OwnerEffect[]): void {
    if (input.type === "wall") this.#world.advance(now, input.wallMs);
    else this.#world.advance(now);
    this.#take(input);
    this.#expire();
    this.#calls.tick();
    this.#desk.succession.tick();
    if (now >= this.#tidyAt) this.#tidy(now);
    this.#drain(out);
  }

  nextDeadline(): Millis | undefined {
    if (this.#world.effects.length > 0) return this.#world.now;
    let next: Millis | undefined;
    for (
      const at of [
        this.#outbox.nextDeadline(),
        this.#calls.nextDeadline(),
        this.#desk.succession.nextDeadline(),
        this.#desk.mirrors.nextDeadline(),
        this.#books.next(),
        this.#finals.next(),
      ]
    ) if (at !== undefined && at < (next ?? Infinity)) next = at;
    return next;
  }

  #take(input: OwnerInput): void {
    const { limits } = this.#world;
    switch (input.type) {
      case "tick":
      case "wall":
        break;
      case "members":
        this.#members = input.members;
        this.#follow();
        break;
      case "limit":
        limits.set(input.limit.id, input.limit);
        this.#books.redefined(input.limit.id);
        break;
      case "noLimit":
        limits.delete(input.id);
        this.#books.redefined(input.id);
        break;
      case "cell":
        this.#books.take(input.key, input.bytes);
        break;
      case "replayed":
        this.#desk.loaded(input.prefix);
        break;
      case "message":
        this.#deliver(input.from, input.message);
        break;
      case "leave":
        this.#world.isLeaving = true;
        this.#follow();
        break;
    }
  }

  #follow(): void {
    this.#world.roster.set(this.#members, this.#world.isLeaving);
    this.#outbox.follow();
    this.#desk.succession.follow();
    this.#calls.follow();
  }

  #deliver(from: string, message: OwnerMessage): void {
    const { self } = this.#world;
    const { succession, mirrors } = this.#desk;
    switch (message.type) {
      case "ask":
        return this.#desk.ask(from, message);
      case "reply":
        if (message.to !== self.boot) return;
        for (const result of message.results) {
          if (result.verdict === "done") this.#outbox.confirmed(message.boot, result.number);
          else this.#calls.answered(message.boot, result);
        }
        return;
      case "mirror":
        return this.#desk.keep(from, message);
      case "mirrored":
        if (message.to === self.boot) mirrors.acknowledged(from, message);
        return;
      case "pull":
        return succession.pulled(from, message);
      case "pulled":
        return succession.heard(from, message);
    }
  }

  /** Hands effects on, and our own messages to ourselves, until there are none. */
  #drain(out: OwnerEffect[]): void {
    const { effects, self } = this.#world;
    for (let isDone = false; !isDone;) {
      isDone = true;
      this.#outbox.flush();
      this.#desk.mirrors.flush();
      this.#desk.flush();
      this.#books.flush();
      for (const effect of effects.splice(0)) {
        if (effect.type !== "send" || effect.to !== self.node) out.push(effect);
        else {
          isDone = false;
          this.#deliver(self.node, effect.message);
        }
      }
    }
  }

  #reserve(items: readonly TakenItem[], reserveMs: Millis): number {
    const id = ++this.#lastReservation;
    this.#reservations.set(id, items);
    this.#finals.set(id, this.#world.now + reserveMs);
    return id;
  }

  #close(reservation: number): void {
    this.#reservations.delete(reservation);
    this.#finals.delete(reservation);
  }

  #expire(): void {
    const { now, counters } = this.#world;
    for (let id = this.#finals.pop(now); id !== undefined; id = this.#finals.pop(now)) {
      this.#reservations.delete(id);
      counters.timedOut++;
    }
  }

  #correct({ by, cell, index }: TakenItem, difference: number): void {
    // What a boot that is gone wrote nobody else may change.
    if (this.#world.roster.fate(by) === "gone") return;
    const number = this.#numbers++;
    this.#outbox.deliver(by, { op: "correct", number, cell, index, difference });
  }

  #tidy(now: Millis): void {
    const { roster, config } = this.#world;
    this.#tidyAt = now + TIDY_MS;
    this.#books.expire();
    this.#desk.charges.expire(now - config.recordsMs, (boot) => roster.isPresent(boot));
  }
}

function checkAmount(amount: number): void {
  if (Number.isSafeInteger(amount) && amount >= 0) return;
  throw new RangeError(
    `Cannot take an amount as it must be a whole number of micro-units >= 0: current value is ${amount}`,
  );
}
