/**
 * The caller's side: one charge per item, each to the owner of its limit; all of a call or none.
 *
 * A charge keeps its number whoever it is sent to. When it is answered or given up, everybody else it was sent to is
 * told to cancel it: a copy that is still under way takes nothing.
 *
 * @module
 */

import { Deadlines } from "../../deadlines.ts";
import type { Millis } from "../../machine.ts";
import type { ConsumeItem, WriterId } from "../contract.ts";
import type { ResolvedLimit } from "../definition.ts";
import type { Books } from "./books.ts";
import type { OwnerDecision, OwnerItemView, OwnerRefusal } from "./contract.ts";
import type { AskResult } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import type { OwnerWorld } from "./world.ts";

/** Until an owner that said `later` is asked again. */
const LATER_MS = 25;

/** What one item took, and where. */
export interface TakenItem {
  readonly by: WriterId;
  readonly cell: string;
  readonly index: number;
  readonly amount: number;
}

interface Call {
  readonly id: number;
  readonly items: readonly ConsumeItem[];
  readonly taken: (TakenItem | undefined)[];
  readonly views: OwnerItemView[];
  readonly charges: Charge[];
  readonly giveUpAt: Millis;
  readonly reserveMs: Millis;
  left: number;
  shadowed: number;
}

interface Charge {
  readonly number: number;
  readonly call: Call;
  readonly item: number;
  readonly limit: ResolvedLimit;
  readonly shard: number;
  /** Everybody it was sent to. */
  readonly targets: WriterId[];
}

/** What becomes of decided calls. */
export interface CallListener {
  /** Whether no reservation can be opened. */
  isFull(): boolean;
  /** Opens a reservation for what a call took; answers its number. */
  reserve(items: readonly TakenItem[], reserveMs: Millis): number;
  /** Changes what was taken. */
  correct(item: TakenItem, difference: number): void;
}

/** See the module. */
export class Calls {
  readonly #world: OwnerWorld;
  readonly #books: Books;
  readonly #outbox: Outbox;
  readonly #listener: CallListener;
  readonly #nextNumber: () => number;
  readonly #calls: Map<number, Call> = new Map();
  /** By number, in order. */
  readonly #open: Map<number, Charge> = new Map();
  readonly #due: Deadlines<Charge> = new Deadlines();

  /** Asks through `outbox`; `nextNumber` gives every charge and correction of this boot another number. */
  constructor(
    world: OwnerWorld,
    books: Books,
    outbox: Outbox,
    nextNumber: () => number,
    listener: CallListener,
  ) {
    this.#world = world;
    this.#books = books;
    this.#outbox = outbox;
    this.#nextNumber = nextNumber;
    this.#listener = listener;
  }

  /** Whether nobody waits. */
  get isIdle(): boolean {
    return this.#calls.size === 0;
  }

  /** The lowest number that waits for an answer. */
  get firstOpen(): number | undefined {
    const [first] = this.#open.keys();
    return first;
  }

  /** When something is to be asked again. */
  nextDeadline(): Millis | undefined {
    return this.#due.next();
  }

  /** A call; `decided` tells what came of it. */
  begin(id: number, items: readonly ConsumeItem[], reserveMs: Millis, giveUpMs: Millis): void {
    const { limits, now, config, isLeaving } = this.#world;
    const call: Call = {
      id,
      items,
      taken: items.map(() => undefined),
      views: items.map(({ limit }) => ({ limit, remaining: 0, resetMs: 0, cell: "", index: 0 })),
      charges: [],
      giveUpAt: now + giveUpMs,
      reserveMs,
      left: items.length,
      shadowed: 0,
    };
    const unknown = items.findIndex(({ limit }) => !limits.has(limit));
    if (unknown >= 0) return this.#refuse(call, unknown, "unknown-limit", 0);
    if (isLeaving) return this.#refuse(call, 0, "leaving", 0);
    if (this.#open.size + items.length > config.openMax) {
      return this.#refuse(call, 0, "busy", config.retryMs);
    }
    if (reserveMs > 0 && this.#listener.isFull()) return this.#refuse(call, 0, "reservations", 0);
    if (items.length === 0) return this.#admit(call);
    this.#calls.set(id, call);
    for (const [item, { limit: name }] of items.entries()) {
      const limit = limits.get(name) as ResolvedLimit;
      const number = this.#nextNumber();
      const charge = { number, call, item, limit, shard: this.#world.shardOf(name), targets: [] };
      call.charges.push(charge);
      this.#open.set(number, charge);
    }
    for (const charge of call.charges) this.#ask(charge);
  }

  /** Nobody waits for a call any more: it takes nothing. */
  abandon(id: number): void {
    const call = this.#calls.get(id);
    if (call !== undefined) this.#undo(call);
  }

  /** An owner answered a charge. */
  answered(boot: string, result: AskResult): void {
    const charge = this.#open.get(result.number);
    if (charge === undefined) return;
    const { call, item } = charge;
    switch (result.verdict) {
      case "later":
        this.#due.set(charge, Math.min(call.giveUpAt, this.#world.now + LATER_MS));
        return;
      case "refused": {
        this.#close(charge, boot);
        call.views[item] = { ...call.views[item] as OwnerItemView, ...left(result) };
        this.#refuse(call, item, result.reason, result.retryAfterMs);
        return;
      }
      case "admitted": {
        this.#close(charge, result.by.boot);
        call.views[item] = { ...call.views[item] as OwnerItemView, ...left(result) };
        if (result.isShadowed) call.shadowed++;
        const { by, cell, index } = result;
        const { amount } = call.items[item] as ConsumeItem;
        this.#took(call, item, { by, cell, index, amount });
      }
    }
  }

  /** Asks again and gives up what is due. */
  tick(): void {
    const { now, counters } = this.#world;
    for (let charge = this.#due.pop(now); charge !== undefined; charge = this.#due.pop(now)) {
      if (now < charge.call.giveUpAt) {
        this.#ask(charge);
        continue;
      }
      counters.givenUp++;
      this.#close(charge, undefined);
      this.#alone(charge);
    }
  }

  /** The roster changed: charges whose owner is another now go there at once. */
  follow(): void {
    const { roster } = this.#world;
    for (const charge of this.#open.values()) {
      const { owner } = roster.place(charge.shard);
      if (owner !== undefined && charge.targets.at(-1)?.boot !== owner.boot) this.#ask(charge);
    }
  }

  #ask(charge: Charge): void {
    const { roster, now, config } = this.#world;
    const { number, call, item, limit, shard, targets } = charge;
    this.#due.set(charge, Math.min(call.giveUpAt, now + config.retryMs));
    const { owner } = roster.place(shard);
    if (owner === undefined) return;
    const target = { node: owner.node, boot: owner.boot };
    if (!targets.some(({ boot }) => boot === owner.boot)) targets.push(target);
    const { amount } = call.items[item] as ConsumeItem;
    this.#outbox.send(target, {
      op: "charge",
      number,
      limit: limit.id,
      created: limit.created,
      amount,
    });
  }

  /** No answer of this charge is wanted any more; `by` has the one that counts. */
  #close(charge: Charge, by: string | undefined): void {
    const { number, targets } = charge;
    if (!this.#open.delete(number)) return;
    this.#due.delete(charge);
    for (const target of targets) {
      if (target.boot !== by) this.#outbox.deliver(target, { op: "cancel", number });
    }
  }

  /** No owner answered: the limit says what then. */
  #alone({ call, item, limit }: Charge): void {
    const { amount } = call.items[item] as ConsumeItem;
    const book = limit.whenIsolated === "deny" ? undefined : this.#books.present(limit);
    const { config: { retryMs }, self, roster } = this.#world;
    if (book === undefined) return this.#refuse(call, item, "isolated", retryMs);
    const { counter } = book;
    const share = Math.floor(limit.limit / Math.max(1, roster.all));
    const isOver = counter.used + amount > limit.limit ||
      (limit.whenIsolated === "share" && counter.own.used + amount > share);
    if (isOver && !limit.shadow) return this.#refuse(call, item, "isolated", retryMs);
    if (isOver) call.shadowed++;
    counter.charge(amount);
    this.#books.touch(book);
    this.#took(call, item, { by: self, cell: counter.key, index: counter.index, amount });
  }

  #took(call: Call, item: number, taken: TakenItem): void {
    const { cell, index } = taken;
    call.taken[item] = taken;
    call.views[item] = { ...call.views[item] as OwnerItemView, cell, index };
    call.left--;
    if (call.left === 0) this.#admit(call);
  }

  #admit(call: Call): void {
    this.#calls.delete(call.id);
    this.#world.counters.admitted++;
    const taken = call.taken.filter((each) => each !== undefined);
    const reservation = call.reserveMs > 0 ? this.#listener.reserve(taken, call.reserveMs) : 0;
    this.#decided(call, {
      admitted: true,
      reservation,
      retryAfterMs: 0,
      refused: -1,
      reason: undefined,
      shadowed: call.shadowed,
      items: call.views,
    });
  }

  #refuse(call: Call, refused: number, reason: OwnerRefusal, retryAfterMs: Millis): void {
    this.#undo(call);
    this.#world.counters.refused++;
    this.#decided(call, {
      admitted: false,
      reservation: 0,
      retryAfterMs,
      refused,
      reason,
      shadowed: call.shadowed,
      items: call.views,
    });
  }

  #undo(call: Call): void {
    this.#calls.delete(call.id);
    for (const charge of call.charges) this.#close(charge, undefined);
    for (const taken of call.taken) {
      if (taken !== undefined && taken.amount > 0) this.#listener.correct(taken, -taken.amount);
    }
  }

  #decided(call: Call, decision: OwnerDecision): void {
    this.#world.effects.push({ type: "decided", call: call.id, decision });
  }
}

/** What an answer says of a limit besides its verdict. */
function left({ remaining, resetMs }: { remaining: number; resetMs: number }) {
  return { remaining, resetMs };
}
