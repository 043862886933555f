/**
 * The owner's work: takes charges, answers when they are safe, takes back what was cancelled.
 *
 * Invariant: an answer that admits goes out only when the next on the ring has every cell of the shard as it was when
 * the office was taken or the next became next, and a word of our column that holds the charge.
 *
 * @module
 */

import type { ResolvedLimit } from "../definition.ts";
import type { Book } from "./book.ts";
import type { Books } from "./books.ts";
import { type ChargeRecord, Charges } from "./charges.ts";
import type {
  AskResult,
  CancelOp,
  CellCopy,
  ChargeCopy,
  ChargeOp,
  CorrectOp,
  Mirror,
  OwnerAsk,
} from "./messages.ts";
import { Mirrors } from "./mirrors.ts";
import { type Seat, Succession } from "./succession.ts";
import type { OwnerWorld } from "./world.ts";

/** Most charges of one window that wait for its stored cells. */
const PARKED_MAX = 10_000;

interface Answers {
  readonly node: string;
  readonly results: AskResult[];
}

/** See the module. */
export class Desk {
  readonly succession: Succession;
  readonly mirrors: Mirrors;
  readonly charges: Charges;
  readonly #world: OwnerWorld;
  readonly #books: Books;
  /** By boot of the caller. */
  readonly #answers: Map<string, Answers> = new Map();
  /** Books of which something may be confirmed. */
  readonly #moved: Set<Book> = new Set();

  /** Owns nothing. */
  constructor(world: OwnerWorld, books: Books) {
    this.#world = world;
    this.#books = books;
    this.charges = new Charges(world.config.recordsMax);
    this.succession = new Succession(world, books, this.charges, {
      opened: (seat) => this.#opened(seat),
      closed: (seat) => this.#closed(seat),
      adoptCharge: (charge) => this.#adoptCharge(charge),
    });
    this.mirrors = new Mirrors(world, books, {
      mirrored: (boot, shard, cell) => this.#mirrored(boot, shard, cell),
      recorded: ({ cell }) => {
        const book = this.#books.byOwnCell(cell);
        if (book !== undefined) this.#moved.add(book);
      },
      confirmed: () => this.#confirm(),
      lost: (shard) => this.succession.lost(shard),
    });
  }

  /** A caller asks. */
  ask(from: string, { to, boot, doneBelow, ops }: OwnerAsk): void {
    if (to !== this.#world.self.boot) return;
    this.charges.closeBelow(boot, doneBelow);
    for (const op of ops) {
      switch (op.op) {
        case "charge":
          this.#charge(from, boot, op);
          break;
        case "cancel":
          this.#cancel(from, boot, op);
          break;
        case "correct":
          this.#correct(from, boot, op);
          break;
      }
    }
  }

  /** The owner before us on the ring hands us what it charged. */
  keep(from: string, { to, boot, seq, cells, charges }: Mirror): void {
    if (to !== this.#world.self.boot) return;
    const lost = new Set<number>();
    // What is not confirmed any more is not counted either: its repeat is charged elsewhere.
    const follows = (shard: number): boolean => {
      const isOthers = this.succession.seat(shard).holder?.boot !== boot;
      if (isOthers && this.#world.rules.yieldsWhenPulled) lost.add(shard);
      return !lost.has(shard);
    };
    for (const cell of cells) {
      const shard = this.#world.shardOfCell(cell.key);
      if (shard !== undefined && follows(shard) && !this.#books.adopt(cell)) return;
    }
    for (const charge of charges) {
      if (follows(this.#world.shardOf(charge.limit))) this.#adoptCharge(charge);
    }
    const { self } = this.#world;
    this.#world.send(from, { type: "mirrored", to: boot, boot: self.boot, seq, lost: [...lost] });
  }

  /** The stored cells of a window were handed in. */
  loaded(prefix: string): void {
    const book = this.#books.byPrefix(prefix);
    if (book === undefined || book.isLoaded) return;
    book.isLoaded = true;
    const { parked } = book;
    book.parked = [];
    for (const { from, boot, op } of parked) this.#charge(from, boot, op);
  }

  /** Whether we decide for a limit, and whether the next on the ring has all of it. */
  office(id: string): { readonly isOpen: boolean; readonly isSafe: boolean } {
    const seat = this.succession.seat(this.#world.shardOf(id));
    return { isOpen: seat.isOpen, isSafe: seat.isOpen && seat.unsynced.size === 0 };
  }

  /** Sends the answers that are ready. */
  flush(): void {
    const { self } = this.#world;
    for (const [to, { node, results }] of this.#answers) {
      this.#world.send(node, { type: "reply", to, boot: self.boot, results });
    }
    this.#answers.clear();
  }

  #charge(from: string, boot: string, op: ChargeOp): void {
    const { number, limit: id, amount, created } = op;
    const { limits, rules, counters, roster } = this.#world;
    const known = this.charges.find(boot, number);
    const seat = this.succession.seat(this.#world.shardOf(id));
    if (known === "done" || (typeof known === "object" && known.state === "cancelled")) return;
    if (known !== undefined && rules.remembersCharges) {
      counters.repeats++;
      return this.#repeat(from, seat, known);
    }
    const limit = limits.get(id);
    const isReady = limit !== undefined && limit.created === created && seat.isOpen &&
      roster.isPresent(boot) && this.charges.hasRoom(boot);
    const book = isReady ? this.#books.present(limit) : undefined;
    if (limit === undefined || book === undefined) return this.#say(from, boot, later(number));
    if (!book.isLoaded) {
      if (book.parked.length < PARKED_MAX) book.parked.push({ from, boot, op });
      return;
    }
    this.#decide(from, boot, number, amount, limit, book, seat);
  }

  #decide(
    from: string,
    boot: string,
    number: number,
    amount: number,
    limit: ResolvedLimit,
    book: Book,
    seat: Seat,
  ): void {
    const { counter } = book;
    const { self, now, wallMs } = this.#world;
    const reason = this.#refusal(limit, book, amount);
    const isRefused = reason !== undefined && !limit.shadow;
    const record: ChargeRecord = {
      boot,
      number,
      shard: seat.shard,
      limit: limit.id,
      amount: isRefused ? 0 : amount,
      by: self,
      cell: counter.key,
      index: counter.index,
      at: now,
      state: "answered",
      result: undefined,
      word: counter.own.word + 1,
      isMirrored: false,
    };
    this.charges.add(record);
    if (isRefused) {
      const needed = counter.used + Math.max(1, amount) - limit.limit;
      const at = reason === "limit" ? counter.freesMs(needed) : counter.resetMs;
      const retryAfterMs = Math.max(0, at - wallMs);
      record.result = { verdict: "refused", number, reason, retryAfterMs, ...seen(limit, book) };
      return this.#say(from, boot, record.result);
    }
    counter.charge(amount);
    record.result = {
      verdict: "admitted",
      number,
      by: self,
      cell: counter.key,
      index: counter.index,
      isShadowed: reason !== undefined,
      ...seen(limit, book),
    };
    if (amount === 0) return this.#say(from, boot, record.result);
    record.state = "pending";
    book.pending.push(record);
    this.#changed(book, seat);
    if (seat.next !== undefined) this.mirrors.record(seat.next, record);
    if (seat.next === undefined || !this.#world.rules.waitsForNext) this.#release(book, seat);
    this.#tell(limit, book);
  }

  /** Why an amount can't be taken. */
  #refusal(limit: ResolvedLimit, book: Book, amount: number): "limit" | "isolated" | undefined {
    const { used } = book.counter;
    if (used + amount > limit.limit || (amount === 0 && used >= limit.limit)) return "limit";
    const { roster } = this.#world;
    if (!roster.isIsolated || limit.whenIsolated === "limit") return undefined;
    if (limit.whenIsolated === "deny") return "isolated";
    if (book.isolation !== roster.isolations) {
      book.isolation = roster.isolations;
      const part = Math.floor((limit.limit - used) / Math.max(1, roster.all));
      book.isolatedTo = used + part * roster.alive;
    }
    return used + amount > book.isolatedTo ? "isolated" : undefined;
  }

  #repeat(from: string, seat: Seat, record: ChargeRecord): void {
    const { boot, number, state, by, cell, index, result } = record;
    if (state === "answered" && result !== undefined) return this.#say(from, boot, result);
    if (state === "pending") return;
    // Charged before this term: safe once the next on the ring has all that was known when it began.
    if (!seat.isOpen || seat.unsynced.size > 0) return this.#say(from, boot, later(number));
    this.#say(from, boot, {
      verdict: "admitted",
      number,
      by,
      cell,
      index,
      isShadowed: false,
      remaining: 0,
      resetMs: this.#world.wallMs,
    });
  }

  #cancel(from: string, boot: string, { number }: CancelOp): void {
    this.#say(from, boot, { verdict: "done", number });
    const record = this.charges.find(boot, number);
    if (record === "done") return;
    if (record === undefined) {
      if (!this.#world.rules.remembersCancels) return;
      return this.charges.add(this.#mark(boot, number, "cancelled"));
    }
    const isOurs = record.by.boot === this.#world.self.boot;
    if (isOurs && record.state !== "cancelled") {
      if (record.amount > 0) this.#amend(record.cell, record.index, -record.amount);
    }
    record.state = "cancelled";
  }

  #correct(from: string, boot: string, op: CorrectOp): void {
    const { number } = op;
    const known = this.charges.find(boot, number);
    if (known === "done") return;
    if (known === undefined) {
      if (!this.charges.hasRoom(boot)) return this.#say(from, boot, later(number));
      this.charges.add(this.#mark(boot, number, "answered"));
      this.#amend(op.cell, op.index, op.difference);
    }
    this.#say(from, boot, { verdict: "done", number });
  }

  #mark(boot: string, number: number, state: "cancelled" | "answered"): ChargeRecord {
    const { self, now } = this.#world;
    return {
      boot,
      number,
      shard: -1,
      limit: "",
      amount: 0,
      by: self,
      cell: "",
      index: 0,
      at: now,
      state,
      result: undefined,
      word: 0,
      isMirrored: false,
    };
  }

  /** Changes what one of our cells says. */
  #amend(cell: string, index: number, difference: number): void {
    const book = this.#books.byOwnCell(cell);
    if (book === undefined) return;
    book.counter.correct(index, difference);
    this.#changed(book, this.succession.seat(book.shard));
    const limit = this.#world.limits.get(book.limit);
    if (limit !== undefined) this.#tell(limit, book);
  }

  /**
   * Our column changed. What the next on the ring does not know yet is not written either: if we die now, nobody must
   * count it and charge its repeat as well.
   */
  #changed(book: Book, seat: Seat): void {
    if (!seat.isCandidate || seat.next === undefined) this.#books.touch(book);
    else this.mirrors.cell(seat.next, book.counter.key);
  }

  /** Tells when use comes near the limit, or above it. */
  #tell(limit: ResolvedLimit, { counter }: Book): void {
    if (counter.used < limit.nearAt) return;
    const fact = { limit: limit.id, window: counter.span.id, used: counter.used, of: limit.limit };
    if (!counter.isNearTold) {
      counter.isNearTold = true;
      this.#world.effects.push({ type: "event", event: { type: "near", ...fact } });
    }
    if (counter.used > limit.limit && !counter.isDebtTold) {
      counter.isDebtTold = true;
      this.#world.effects.push({ type: "event", event: { type: "debt", ...fact } });
    }
  }

  /** The office is ours, or the next on the ring is another: that one must have all there is. */
  #opened(seat: Seat): void {
    const { next } = this.#world.roster.place(seat.shard);
    if (next?.boot === seat.next?.boot) {
      for (const book of this.#books.of(seat.shard)) this.#release(book, seat);
      return;
    }
    if (seat.next !== undefined) this.mirrors.forget(seat.next, seat.shard);
    seat.next = next === undefined ? undefined : { node: next.node, boot: next.boot };
    seat.unsynced.clear();
    const books = [...this.#books.of(seat.shard)];
    for (const book of books) book.mirrored = 0;
    if (seat.next !== undefined && this.#world.rules.syncsNext) {
      for (const { key } of this.#books.table.of(seat.shard)) seat.unsynced.add(key);
      for (const book of books) if (book.hasOwn) seat.unsynced.add(book.counter.key);
      for (const key of seat.unsynced) this.mirrors.cell(seat.next, key);
      for (const record of this.charges.of(seat.shard)) {
        record.isMirrored = false;
        this.mirrors.record(seat.next, record);
      }
    } else if (seat.next !== undefined) {
      for (const book of books) if (book.hasOwn) this.mirrors.cell(seat.next, book.counter.key);
    }
    for (const book of books) this.#release(book, seat);
  }

  #closed(seat: Seat): void {
    if (seat.next !== undefined) this.mirrors.forget(seat.next, seat.shard);
    seat.next = undefined;
    seat.unsynced.clear();
    for (const book of this.#books.of(seat.shard)) {
      for (const record of book.pending) if (record.state === "pending") record.state = "held";
      book.pending = [];
      if (book.hasOwn) this.#books.touch(book);
    }
  }

  #adoptCharge(charge: ChargeCopy): void {
    const { boot, number, limit, amount, by, cell, index } = charge;
    if (by.boot === this.#world.self.boot) return;
    if (this.charges.find(boot, number) !== undefined) return;
    this.charges.add({
      boot,
      number,
      shard: this.#world.shardOf(limit),
      limit,
      amount,
      by,
      cell,
      index,
      at: this.#world.now,
      state: "held",
      result: undefined,
      word: 0,
      isMirrored: false,
    });
  }

  #mirrored(boot: string, shard: number, cell: CellCopy): void {
    const seat = this.succession.seat(shard);
    if (seat.next?.boot !== boot) return;
    const book = this.#books.byOwnCell(cell.key);
    if (book !== undefined) {
      book.mirrored = Math.max(book.mirrored, cell.word);
      this.#books.touch(book, cell);
      this.#moved.add(book);
    }
    if (!seat.unsynced.delete(cell.key) || seat.unsynced.size > 0) return;
    for (const each of this.#books.of(shard)) if (each.pending.length > 0) this.#moved.add(each);
  }

  #confirm(): void {
    for (const book of this.#moved) this.#release(book, this.succession.seat(book.shard));
    this.#moved.clear();
  }

  /** Answers what is safe. */
  #release(book: Book, seat: Seat): void {
    if (book.pending.length === 0 || !seat.isCandidate) return;
    const { waitsForNext } = this.#world.rules;
    const isAlone = seat.next === undefined && seat.isOpen;
    if (seat.next === undefined && !isAlone) return;
    if (waitsForNext && seat.unsynced.size > 0) return;
    let count = 0;
    for (const record of book.pending) {
      const isSafe = isAlone || !waitsForNext ||
        (record.isMirrored && record.word <= book.mirrored);
      if (!isSafe) break;
      count++;
      if (record.state !== "pending") continue;
      record.state = "answered";
      const from = this.#nodeOf(record.boot);
      if (from !== undefined && record.result !== undefined) {
        this.#say(from, record.boot, record.result);
      }
    }
    if (count > 0) book.pending.splice(0, count);
  }

  #nodeOf(boot: string): string | undefined {
    return this.#world.roster.present.find((member) => member.boot === boot)?.node;
  }

  #say(node: string, boot: string, result: AskResult): void {
    const answers = this.#answers.get(boot);
    if (answers === undefined) this.#answers.set(boot, { node, results: [result] });
    else answers.results.push(result);
  }
}

function later(number: number): AskResult {
  return { verdict: "later", number };
}

function seen(limit: ResolvedLimit, { counter }: Book): { remaining: number; resetMs: number } {
  return { remaining: Math.max(0, limit.limit - counter.used), resetMs: counter.resetMs };
}
